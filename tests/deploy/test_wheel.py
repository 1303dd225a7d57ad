"""What the wheel holds, which is made of the source distribution, and that its packages work where they are installed,
in folders of other people.
"""

import ast
import json
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

from pipelines.pipeline import Pipeline
from pipelines.recipe import file
from tests.conftest import REPOSITORY
from tests.deploy.installed import Installed
from tests.pipelines import recipes

pytestmark = pytest.mark.slow

_PROJECT = """\
[project]
name = "shop"
version = "0.1"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{0}"
"""
_DEFINITIONS = """\
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


def _dagster_project(root: Path, module: str) -> Path:
    """Somebody else's project of Dagster's; its `defs` folder."""
    (root / module / "defs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(_PROJECT.format(module))
    (root / module / "__init__.py").write_text("")
    (root / module / "defs" / "__init__.py").write_text("")
    (root / module / "definitions.py").write_text(_DEFINITIONS)
    return root / module / "defs"


def _files(folder: Path) -> dict[str, float]:
    """{file: time of change} of what is no byte code."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path): path.stat().st_mtime for path in found}


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        held = set(archive.namelist())
    expected = {
        path.relative_to(REPOSITORY).as_posix().replace("pipelines/", "compression_pipeline/", 1)
        for package in ("compression_ops", "pipelines")
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file()
        and path.suffix in (".py", ".html", ".css", ".js", ".yaml", ".typed")
        and ".compression" not in path.parts
    }
    door = {"pipelines/__init__.py", "pipelines/py.typed"}
    assert {name for name in held if ".dist-info" not in name} == expected | door


def test_the_wheel_is_of_this_release_and_says_so_outside_the_checkout(
    wheel: Path, environment: Installed, tmp_path: Path
) -> None:
    release = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert wheel.name.startswith(f"compression_pipeline-{release}-")
    assert environment.ask("compression", "--version", at=tmp_path).strip() == f"compression {release}"
    dated = re.findall(
        r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert dated[0] == release, "the newest section of the changelog is this release's"


def test_no_module_of_the_wheel_needs_the_name_pipelines(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py") and not name.startswith("pipelines/"):
                for node in ast.walk(ast.parse(archive.read(name))):
                    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                    names += [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
                    found = [text for text in names if text.partition(".")[0] == "pipelines"]
                    assert set(found) <= {"pipelines.CompressionPipeline"}, name


def test_what_is_written_goes_to_the_users_project_and_reports_are_drawn(
    environment: Installed, tmp_path: Path
) -> None:
    (tmp_path / "defs").mkdir()
    recipes.write(tmp_path / "defs")
    before = _files(environment.packages)
    said = environment.ask("compression", "run", "tiny", "--set", "students.small.epochs=1", at=tmp_path)
    assert "9 computed" in said
    environment.ask("compression", "report", "tiny", "--output", "page.html", at=tmp_path)
    assert "<figure" in (tmp_path / "page.html").read_text()
    status = json.loads(environment.ask("compression", "status", "tiny", "--json", at=tmp_path))
    assert "fresh" in json.dumps(status)
    assert "stale" not in json.dumps(status)
    assert {path.name for path in tmp_path.iterdir()} == {"defs", ".compression", "page.html"}
    said = environment.ask(
        "compression", "run", "digits", "--select", "dataset", "--set", "dataset.seed=1", at=tmp_path
    )
    assert "came with the product" in said
    assert "seed: 1" in (tmp_path / "defs" / "digits" / "defs.yaml").read_text()
    assert _files(environment.packages) == before


def test_assets_are_derived_as_in_a_checkout(environment: Installed, tmp_path: Path) -> None:
    path = recipes.write(tmp_path / "defs")
    script = (
        "from compression_pipeline.pipeline import Pipeline; import json\n"
        "print(json.dumps(Pipeline.open('tiny').graph.derivations))"
    )
    found = json.loads(environment.ask("python", "-c", script, at=tmp_path))
    assert found == Pipeline.of(file.read(path)).graph.derivations


def test_a_folder_of_the_users_named_pipelines_is_in_nobodys_way(environment: Installed, tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__init__.py").write_text("raise RuntimeError('the user\\'s own')\n")
    recipes.write(tmp_path / "defs")
    variables = {"PYTHONPATH": "."}
    assert "valid" in environment.ask("compression", "check", "tiny", at=tmp_path, **variables)
    assert "1 computed" in environment.ask(
        "compression", "run", "tiny", "--select", "dataset", at=tmp_path, **variables
    )
    module = "compression_pipeline.cli.main"
    assert "valid" in environment.ask("python", "-m", module, "check", "tiny", at=tmp_path, **variables)


def test_a_project_of_dagsters_finds_the_component_scaffolds_a_recipe_and_launches_it(
    environment: Installed, tmp_path: Path
) -> None:
    defs = _dagster_project(tmp_path, "shop")
    listed = environment.ask("dg", "list", "components", at=tmp_path, PYTHONPATH=".")
    assert "pipelines.CompressionPipeline" in listed
    assert "compression_pipeline.CompressionPipeline" in listed
    environment.ask("dg", "scaffold", "defs", "pipelines.CompressionPipeline", "letters", at=tmp_path, PYTHONPATH=".")
    scaffolded = defs / "letters" / "defs.yaml"
    assert "letters" in environment.ask("compression", "check", "letters", at=tmp_path)
    scaffolded.write_text(recipes.TINY)
    environment.ask("dg", "launch", "--assets", 'key:"letters/dataset"', at=tmp_path, PYTHONPATH=".")
    status = environment.ask("compression", "status", "letters", at=tmp_path)
    assert "fresh" in status
    assert (tmp_path / ".compression" / "store").is_dir()


def test_a_project_of_dagsters_that_is_itself_called_pipelines_names_the_component_by_its_other_name(
    environment: Installed, tmp_path: Path
) -> None:
    defs = _dagster_project(tmp_path, "pipelines")
    component = "compression_pipeline.CompressionPipeline"
    environment.ask("dg", "scaffold", "defs", component, "letters", at=tmp_path, PYTHONPATH=".")
    assert f"type: {component}" in (defs / "letters" / "defs.yaml").read_text()
    environment.ask("dg", "check", "defs", at=tmp_path, PYTHONPATH=".")


def test_a_name_that_is_no_recipes_is_not_scaffolded(environment: Installed, tmp_path: Path) -> None:
    _dagster_project(tmp_path, "shop")
    command = ("dg", "scaffold", "defs", "pipelines.CompressionPipeline", "my-letters")
    assert "letters, digits and underscores" in environment.ask(*command, at=tmp_path, PYTHONPATH=".", code=1)
