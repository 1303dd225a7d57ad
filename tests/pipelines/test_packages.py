"""What may import what, and what commands that only look must not import."""

import subprocess
import sys

import pytest

from pipelines import recipe_file
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
    script = (
        "import sys; sys.argv = ['compression', *sys.argv[1:]]\n"
        "from pipelines.cli import main\n"
        "try:\n    main.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "loaded = {'torch', 'mlflow', 'dagster', 'onnxruntime', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", recipe_file.recipe_names())
def test_every_recipe_of_the_product_is_valid(name: str) -> None:
    assert recipe_file.load(name).name == name
