"""The built distributions: a source distribution, the wheel that is made of it and of nothing else, and that wheel in
an environment of its own, which finds every other package in the one that the tests run in.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

_SETTINGS = ("COMPRESSION_", "DAGSTER_", "MLFLOW_", "PYTHONPATH", "VIRTUAL_ENV")
_DG = "#!{}\nfrom dagster_dg_cli.cli import main\n\nif __name__ == '__main__':\n    main()\n"


@dataclass(frozen=True)
class Installed:
    """An environment."""

    folder: Path

    @property
    def packages(self) -> Path:
        """Where the wheel's packages lie."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def ask(self, *command: str, at: Path, code: int = 0, **variables: str) -> str:
        """What a command of the environment prints, run in the folder `at`; it must end with that code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        quiet = {"DAGSTER_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
        path = f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}"
        result = subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=at,
            env={**kept, **quiet, "PATH": path, "COLUMNS": "200", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout + result.stderr


def build(folder: Path) -> Path:
    """The wheel, built below `folder` from the source distribution, as `python -m build` does."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder / "wheels")]
    _run(sys.executable, "-m", "pip", "wheel", *options, str(build_sdist(folder)))
    return next((folder / "wheels").glob("*.whl"))


def build_sdist(folder: Path) -> Path:
    """The source distribution, built below `folder` from a copy of the sources, so that the checkout stays as it is."""
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", ".compression", "build")
    for name in ("compression_ops", "pipelines", "deploy"):
        shutil.copytree(REPOSITORY / name, folder / "source" / name, ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder / "source" / name)
    script = "import sys; from wheel_of_packages import build_sdist; build_sdist(sys.argv[1])"
    target = folder / "sdist"
    target.mkdir()
    kept = {**os.environ, "PYTHONPATH": "deploy"}
    result = subprocess.run(
        [sys.executable, "-c", script, str(target)],
        cwd=folder / "source",
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return next(target.glob("*.tar.gz"))


def install(wheel: Path, folder: Path) -> Installed:
    """An environment that holds the wheel."""
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = folder / "bin" / "python"
    options = ["--quiet", "--no-deps", "--no-index"]
    _run(sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel))
    installed = Installed(folder)
    # A path adds that folder's packages and none of what its own `.pth` files do: not this product's editable install.
    (installed.packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    dg = folder / "bin" / "dg"  # as pip would have written it
    dg.write_text(_DG.format(python))
    dg.chmod(0o755)
    return installed


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
