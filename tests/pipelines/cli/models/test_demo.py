"""`compression demo` as its user starts it: a page of the champion, on a port of this machine or in a file."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.pipelines import product
from tests.pipelines.cli.command import compression

_PATIENCE = 120.0  # seconds until it must have ended; the machine may be busy with other tests


@pytest.mark.wasm
def test_output_writes_a_page_that_names_the_champion(recipe: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = compression("demo", "tiny", "--output", str(file))
    assert result.returncode == 0, result.stderr
    assert result.stdout.rstrip().endswith(f"to be opened in a browser: {file}")
    entry = product.pipeline().history.latest("tiny", "quantized_student/int8")
    assert entry is not None
    text = file.read_text(encoding="utf-8")
    assert f"version 1 of tiny (quantized_student/int8, digest {entry.digest[:12]})" in text
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)|(https?://[^\s"']+)""", text)
    assert addresses == [("data:,", "")]  # its icon: none


@pytest.mark.wasm
@pytest.mark.slow
def test_it_is_served_on_this_machine_alone_until_ctrl_c(recipe: Path, tmp_path: Path) -> None:
    written = tmp_path / "page.html"
    assert compression("demo", "tiny", "--output", str(written)).returncode == 0
    process = _started()
    try:
        assert process.stdout is not None
        address = _address(process)
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.read() == written.read_bytes()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}etc/passwd", timeout=30)
        port = int(address.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=5):
            pass
        taken = compression("demo", "tiny", "--port", str(port))
        assert taken.returncode == 1
        assert f"port {port} cannot be opened: Address already in use" in taken.stderr
        assert "Traceback" not in taken.stderr
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=_PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0
    assert words == "the page is no longer served\n"
    assert "Traceback" not in words


def _started() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli.main", "demo", "tiny"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:  # which ends with the process
        if found := re.fullmatch(r"Demo +(http://127\.0\.0\.1:\d+/)\n", line):
            return found[1]
    raise AssertionError("it served nothing")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny"], ["recipe 'tiny' has no champion yet", "compression run tiny"]),
        (["tinny"], ["no recipe is named 'tinny'", "did you mean `tiny`?"]),
        (["tiny", "--port", "8000", "--output", "x.html"], ["--port is of a page that is served", "give one of them"]),
    ],
)
def test_a_wrong_call_is_told_in_words(arguments: list[str], words: list[str], defs: Path) -> None:
    result = compression("demo", *arguments)
    assert result.returncode == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr


def test_without_clang_the_line_says_how_to_get_it(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = compression("demo", "tiny")
    assert result.returncode == 1
    assert "there is no clang and no wasm-ld, which make WebAssembly" in result.stderr
    assert "sudo apt-get install clang lld" in result.stderr
