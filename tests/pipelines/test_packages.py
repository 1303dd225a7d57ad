"""What may import what, and what commands that only look must not import."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipelines.recipe import file
from tests.conftest import REPOSITORY


def test_the_import_contracts_hold() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check"], ["status"], ["status", "digits", "--json"], ["gc", "--dry-run"]]
)
def test_a_command_that_only_looks_imports_neither_torch_nor_mlflow_nor_dagster(arguments: list[str]) -> None:
    assert not _imported(*arguments) & {"torch", "mlflow", "dagster", "onnxruntime", "sklearn", "pandas"}


@pytest.mark.slow
def test_predict_and_rollback_import_neither_torch_nor_dagster(recipe: Path, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "picture.png")
    predicting = _imported("predict", "tiny", str(tmp_path / "picture.png"))
    assert "onnxruntime" in predicting
    assert not predicting & {"torch", "dagster", "sklearn"}
    assert not _imported("rollback", "tiny", code=1) & {"torch", "dagster", "onnxruntime", "sklearn"}


def test_status_of_a_recipe_that_ran_imports_neither_torch_nor_mlflow_nor_dagster(recipe: Path) -> None:
    assert not _imported("status", "tiny") & {"torch", "mlflow", "dagster", "onnxruntime", "sklearn", "pandas"}


def _imported(*arguments: str, code: int = 0) -> set[str]:
    """The packages that a command imports."""
    script = (
        "import sys; sys.argv = ['compression', *sys.argv[1:]]\n"
        "from pipelines.cli import main\n"
        f"try:\n    main.main()\nexcept SystemExit as end:\n    assert (end.code or 0) == {code}, end.code\n"
        "sys.stdout.write('\\nimported ' + ' '.join(name for name in sys.modules if '.' not in name))\n"
    )
    result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.rpartition("imported ")[2].split())


@pytest.mark.parametrize("name", file.recipe_names())
def test_every_recipe_of_the_product_is_valid(name: str) -> None:
    assert file.load(name).name == name
