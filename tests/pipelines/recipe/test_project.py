"""Where recipes and state lie: in a checkout, and where the packages are installed and stand in nobody's project."""

from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.recipe import edit, file, project
from pipelines.recipe.error import RecipeError
from pipelines.state import home
from tests.conftest import REPOSITORY
from tests.pipelines import recipes

_DAGSTER = '[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "shop"\n'


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, as for someone who has installed the product; the folder of its recipes beside it."""
    for name in ("COMPRESSION_HOME", "COMPRESSION_DEFS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(project, "checkout", lambda: None)
    monkeypatch.setattr(project, "shipped_defs", lambda: tmp_path / "site-packages" / "defs")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    recipes.write(tmp_path / "site-packages" / "defs")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def _dagster_project(root: Path) -> Path:
    """A project of Dagster's; its `defs` folder."""
    (root / "pyproject.toml").write_text(_DAGSTER)
    (root / "src" / "shop" / "defs").mkdir(parents=True)
    return root / "src" / "shop" / "defs"


def test_in_a_checkout_both_stand_beside_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMPRESSION_HOME", "COMPRESSION_DEFS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "defs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert home.current().root == REPOSITORY / ".compression"
    assert file.defs_folder() == REPOSITORY / "pipelines" / "defs"
    assert home.of_recipe(tmp_path / "defs" / "x" / "defs.yaml").root == REPOSITORY / ".compression"


def test_without_a_project_both_are_the_users(installed: Path) -> None:
    from platformdirs import user_data_path

    folder = user_data_path("compression-pipeline", appauthor=False)
    assert (home.current().root, file.defs_folder()) == (folder / ".compression", folder / "defs")
    assert file.recipe_names() == ["tiny"]


@pytest.mark.parametrize("marker", ["defs", ".compression"])
def test_the_nearest_folder_with_a_marker_is_the_project(
    marker: str, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / ".compression").mkdir()
    (installed / "inner" / marker).mkdir(parents=True)
    (installed / "inner" / "deep").mkdir()
    monkeypatch.chdir(installed / "inner" / "deep")
    assert home.current().root == installed / "inner" / ".compression"
    assert file.defs_folder() == installed / "inner" / "defs"


def test_a_project_of_dagsters_is_one_whether_seen_from_its_root_or_its_package(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = _dagster_project(installed)
    for folder in (installed, defs, defs.parent):
        monkeypatch.chdir(folder)
        assert (home.current().root, file.defs_folder()) == (installed / ".compression", defs)
    monkeypatch.chdir("/")
    assert home.of_recipe(recipes.write(defs)).root == installed / ".compression"


def test_a_project_of_dagsters_may_say_where_its_definitions_stand(installed: Path) -> None:
    (installed / "dg.toml").write_text('[project]\nroot_module = "shop"\ndefs_module = "shop.graphs"\n')
    assert file.defs_folder() == installed / "shop" / "graphs"


def test_a_pyproject_of_another_kind_and_one_that_is_broken_are_no_projects_of_dagsters(installed: Path) -> None:
    for text in ('[project]\nname = "x"\n', "[tool.dg\n", "tool = 3\n"):
        (installed / "pyproject.toml").write_text(text)
        assert project.enclosing(installed) is None


def test_settings_win_over_every_project(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "defs").mkdir()
    monkeypatch.setenv("COMPRESSION_HOME", str(installed / "elsewhere"))
    monkeypatch.setenv("COMPRESSION_DEFS", str(installed / "mine"))
    recipe = recipes.write(installed / "mine", "own")
    assert home.current().root == home.of_recipe(recipe).root == installed / "elsewhere"
    assert file.recipe_names() == ["own"]


def test_a_recipe_that_was_shipped_is_copied_before_it_is_edited(installed: Path) -> None:
    (installed / "defs").mkdir()
    shipped = file.find("tiny")
    before = shipped.read_bytes()
    edited = edit.set_values(shipped, {"teacher.epochs": 3})
    assert edited.path == installed / "defs" / "tiny" / "defs.yaml" == file.find("tiny")
    assert edited.path.read_text() == recipes.TINY.replace("epochs: 1  # enough", "epochs: 3  # enough")
    assert shipped.read_bytes() == before
    edit.set_values(edited.path, {"teacher.epochs": 4})
    assert file.load("tiny").recipe.teacher.epochs == 4
    assert file.recipe_names() == ["tiny"]


def test_an_edit_that_is_refused_leaves_no_copy_behind(installed: Path) -> None:
    (installed / "defs").mkdir()
    with pytest.raises(RecipeError, match=r"site-packages/defs/tiny/defs.yaml:7: teacher.epochs: out of range"):
        edit.set_values(file.find("tiny"), {"teacher.epochs": 0})
    assert list((installed / "defs").iterdir()) == []


def test_definitions_of_other_components_are_no_recipes(installed: Path) -> None:
    defs = _dagster_project(installed)
    recipes.write(defs, "warehouse", "type: dagster_dbt.DbtProjectComponent\nattributes: {}\n")
    recipes.write(defs, "mistyped", "type: CompresionPipeline\n")
    recipes.write(defs, "mine", recipes.TINY)
    assert file.recipe_names() == ["mine", "mistyped", "tiny"]
    with pytest.raises(CompressionError, match="no recipe is named 'warehouse'"):
        file.find("warehouse")
