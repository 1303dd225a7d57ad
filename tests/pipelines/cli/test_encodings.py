"""What the real commands write where an encoding lacks characters, where nothing is a terminal, and where one is."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.pipelines import product

_COMMANDS = """\
import sys
from pipelines.cli.main import main
for arguments in sys.argv[1:]:
    sys.argv = ["compression", *arguments.split()]
    print("$", arguments, flush=True)
    try:
        main()
    except SystemExit as end:
        print("exit", end.code, flush=True)
"""


def _environment(**settings: str) -> dict[str, str]:
    """As a shell that sets nothing about terminals would pass it on."""
    loose = ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR", "PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL")
    kept = {name: value for name, value in os.environ.items() if name not in loose}
    return kept | {"PYTHONWARNINGS": "ignore", "TERM": "xterm"} | settings


def _run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, env=_environment(**settings), capture_output=True, check=False
    )


# Each of another kind: 7 bits, 8 bits without box drawing, 8 bits with it, all characters.
@pytest.mark.parametrize(
    "encoding",
    ["ascii", "utf-8", *(pytest.param(name, marks=pytest.mark.slow) for name in ("latin-1", "cp1252", "cp437"))],
)
def test_every_reading_command_is_readable_in_every_encoding(encoding: str, recipe: Path, tmp_path: Path) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 3.0")
    image = tmp_path / "d[" / "x]:smile:é日.png"
    image.parent.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(image)
    commands = [
        "report tiny", "status", "check", "lineage tiny champion", f"predict tiny {image}", "gc --dry-run",
        "rollback tiny", "run --help", "run [/bold]é→", "lineage",
    ]  # fmt: skip
    result = _run("-c", _COMMANDS, *commands, PYTHONIOENCODING=encoding)
    out, err = result.stdout.decode(encoding), result.stderr.decode(encoding)
    assert result.returncode == 0, err
    assert [line for line in out.splitlines() if line.startswith("exit")] == [
        f"exit {code}" for code in (0, 0, 0, 0, 0, 0, 1, 0, 1, 2)
    ]
    written = out + err
    assert "Traceback" not in written
    assert "?" not in written.replace("did you mean `tiny`?", "")
    assert "\x1b" not in written
    ours = "µ×−→–├" if encoding == "utf-8" else {"ascii": "", "latin-1": "µ×", "cp1252": "µ×–", "cp437": "µ"}[encoding]
    assert all(character in written for character in ours)
    words = {"µ": "us  ", "×": "1.00x", "−": "(-", "→": "4.0 -> 3.0", "–": "  -  ", "├": "+-- "}
    assert all(shown in written for character, shown in words.items() if character not in ours)
    assert f"{tmp_path}/d[/x]:smile:" in out
    assert "no recipe is named '[/bold]" in err


def test_what_is_piped_is_neither_folded_nor_coloured(recipe: Path) -> None:
    for settings in ({}, {"TERM": "dumb"}, {"NO_COLOR": "1"}):
        result = _run("-m", "pipelines.cli.main", "report", "tiny", **settings)
        text = result.stdout.decode()
        assert "not shown at this width" not in text
        assert "\x1b" not in text
        line = next(line for line in text.splitlines() if line.startswith("quantized_student/int8 "))
        assert len(line.split("  ")) > 8
        assert len(line) > 80


def _on_a_terminal(columns: int, *arguments: str, **settings: str) -> str:
    """What a command writes to a terminal of that width, stdout and stderr together."""
    parent, child = pty.openpty()
    os.set_inheritable(child, True)
    environment = _environment(**settings)
    subprocess.run(["stty", "cols", str(columns)], stdin=child, check=True)
    command = [sys.executable, "-m", "pipelines.cli.main", *arguments]
    written = bytearray()
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdin=child, stdout=child, stderr=child) as process:
        os.close(child)
        try:
            while data := os.read(parent, 65536):
                written += data
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(parent)
    assert process.returncode == 0, written.decode(errors="replace")
    return written.decode("ascii").replace("\r\n", "\n")


@pytest.mark.slow
def test_a_run_on_an_ascii_terminal_shows_bars_and_warnings_in_its_characters(recipe: Path) -> None:
    product.edit(recipe, "min_compression: 1.0", "min_compression: 1000.0")
    text = _on_a_terminal(80, "run", "tiny", PYTHONIOENCODING="ascii")
    plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text)
    assert "Traceback" not in plain
    assert "?" not in plain
    assert re.search(r"benchmark_report -+ computed 0:", plain)
    assert "asset                   outcome   seconds  result\n" in plain
    sentences = " ".join(plain.split())
    assert "warning: benchmark_report: quantized_student/int8 fails its limits." in sentences
    assert "(at least 1000x asked, so this fails)" in sentences
    assert all(len(line) <= 80 for line in plain.replace("\r", "\n").splitlines())


def test_a_report_on_a_terminal_of_eighty_columns_keeps_names_whole(recipe: Path) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", _on_a_terminal(80, "report", "tiny", PYTHONIOENCODING="ascii"))
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines if "page with plots" not in line and ".html" not in line)
    for name in ("teacher", "student/small", "control/small", "quantized_student/int8"):
        assert sum(line.startswith(f"{name} ") for line in lines) >= 4
    assert "not shown at this width: Change, p, Parameters" in text
