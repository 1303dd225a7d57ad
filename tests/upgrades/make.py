"""Makes a home as a former version writes it, and keeps it beside this file.

    python -m tests.upgrades.make REVISION     # a tag, or any name of a commit; writes homes/REVISION.tar.xz

The code of that revision runs its own tests' recipe `tiny` from its own folder, twice, the second time after an edit,
with the packages that are installed here. What a home can do without is left out.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.conftest import REPOSITORY

HOMES = Path(__file__).parent / "homes"
_RECIPES = ("tests/pipelines/recipes.py", "tests/recipes.py")
_EDIT = "students.small.epochs=1"
_LEFT_OUT = ("parsed_modules.json", "last_good")
_QUIET = {"DAGSTER_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}


def make(revision: str, target: Path) -> None:
    """Write an archive of `home`, as a revision leaves it, and `defs`, the recipes that it ran."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        code = folder / "code"
        code.mkdir()
        archive = subprocess.run(["git", "archive", revision], cwd=REPOSITORY, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(code)], input=archive.stdout, check=True)
        source = next(code / name for name in _RECIPES if (code / name).exists())
        names: dict[str, str] = {}
        exec(compile(source.read_text(), str(source), "exec"), names)
        recipe = folder / "defs" / "tiny" / "defs.yaml"
        recipe.parent.mkdir(parents=True)
        recipe.write_text(names["TINY"])
        for further in ((), ("--set", _EDIT)):
            _run(folder, code, "run", "tiny", *further)
        _write(folder, target)


def _run(folder: Path, code: Path, *arguments: str) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COMPRESSION_", "DAGSTER_", "MLFLOW_"))
    }
    settings = {"COMPRESSION_HOME": str(folder / "home"), "COMPRESSION_DEFS": str(folder / "defs")}
    script = "import sys; from pipelines.cli.main import main; sys.argv = ['compression', *sys.argv[1:]]; main()"
    subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=code,
        env={**kept, **_QUIET, **settings, "PYTHONPATH": str(code)},
        check=True,
    )


def _write(folder: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return None if Path(member.name).name in _LEFT_OUT else member

    with tarfile.open(target, "w:xz") as archive:
        for name in ("home", "defs"):
            archive.add(folder / name, name, filter=kept)


if __name__ == "__main__":
    make(sys.argv[1], HOMES / f"{sys.argv[1]}.tar.xz")
