"""A wrong recipe is served as it was when it was last right, and says what is wrong with it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeProcessError
from dagster.components.core.component_tree import ComponentTreeException

from pipelines import definitions
from pipelines.orchestration import assets, last_good
from pipelines.orchestration.keys import key
from pipelines.state import home as homes
from tests.pipelines import product, recipes

_MARKER = key("tiny", "recipe_error")


def _specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def test_the_assets_of_a_wrong_recipe_stay_as_they_last_were_and_say_what_is_wrong(recipe: Path) -> None:
    home = homes.current()
    assert last_good.mistakes(["tiny"], home) == {}
    right = _specs(assets.definitions(product.pipeline()))
    product.edit(recipe, "epochs: 2", "epochs: two")
    product.edit(recipe, "alpha: 0.9", "alpha: 0.1")
    found = last_good.mistakes(["tiny"], home)
    assert list(found) == ["tiny"]
    served = _specs(last_good.definitions(recipe, found["tiny"], home))
    assert set(served) == {*right, _MARKER}
    assert {name: spec.code_version for name, spec in right.items()} == {
        name: served[name].code_version for name in right
    }, "nothing of the edit is in use"
    for name in (_MARKER, key("tiny", "teacher"), key("tiny", "champion")):
        words = served[name].description or ""
        assert "students.small.epochs: not allowed" in words
        assert "'two' (text)" in words
        assert "Edit the file" in words
    assert (served[key("tiny", "teacher")].description or "").endswith(right[key("tiny", "teacher")].description or "?")
    product.edit(recipe, "epochs: two", "epochs: 2")
    assert last_good.mistakes(["tiny"], home) == {}


def test_a_recipe_that_was_never_right_shows_its_mistake_alone(defs: Path) -> None:
    home = homes.current()
    product.edit(defs / "tiny" / "defs.yaml", "epochs: 2", "epochs: two")
    found = last_good.mistakes(["tiny"], home)
    served = _specs(last_good.definitions(defs / "tiny" / "defs.yaml", found["tiny"], home))
    assert set(served) == {_MARKER}
    words = served[_MARKER].description or ""
    assert "students.small.epochs: not allowed" in words
    assert "never right in this home" in words


def test_a_file_that_is_no_text_is_a_mistake_too(defs: Path) -> None:
    home = homes.current()
    assert last_good.mistakes(["tiny"], home) == {}
    (defs / "tiny" / "defs.yaml").write_bytes(b"\xff\xfe\x00")
    found = last_good.mistakes(["tiny"], home)
    assert list(found) == ["tiny"]
    assert len(_specs(last_good.definitions(defs / "tiny" / "defs.yaml", found["tiny"], home))) > 1


def test_a_home_keeps_the_newest_version_that_was_right(recipe: Path) -> None:
    home = homes.current()
    for alpha in ("0.8", "0.7"):
        recipe.write_text(
            recipe.read_text().replace("alpha: 0.9", "alpha: 0.8").replace("alpha: 0.8", f"alpha: {alpha}")
        )
        assert last_good.mistakes(["tiny"], home) == {}
    right = _specs(assets.definitions(product.pipeline()))
    recipe.write_text("nothing")
    found = last_good.mistakes(["tiny"], home)
    served = _specs(last_good.definitions(recipe, found["tiny"], home))
    student = key("tiny", "student/small")
    assert served[student].code_version == right[student].code_version


def test_a_wrong_recipe_takes_no_other_away(recipe: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """As any of Dagster's tools loads them; where it is asked for, a wrong recipe is an error that tells all."""
    right = recipes.write(recipe.parents[1], "right")
    product.edit(recipe, "epochs: 2", "epochs: two")
    served = _specs(definitions.defs())
    assert {key("right", "teacher"), _MARKER} <= set(served)
    assert "students.small.epochs: not allowed" in caplog.text

    product.edit(right, "weight_bits: 8", "weight_bits: 9")
    monkeypatch.setenv("COMPRESSION_KEEP_LAST_GOOD", "0")
    with pytest.raises(DagsterUserCodeProcessError) as refused:
        definitions.defs()
    assert "students.small.epochs: not allowed" in str(refused.value)
    assert "quantized_students.int8.weight_bits: not allowed" in str(refused.value)


def test_in_a_project_of_dagsters_a_wrong_recipe_takes_no_other_away(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """As Dagster's own loader finds them, which the code location of this product does not use."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\nproject = {root_module = "shop"}\n'
    )
    package = tmp_path / "shop"
    (package / "defs").mkdir(parents=True)
    for module in (package, package / "defs"):
        (module / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    recipes.write(package / "defs", "right")
    product.edit(recipes.write(package / "defs", "wrong"), "epochs: 2", "epochs: two")
    served = _specs(dg.load_from_defs_folder(path_within_project=package))
    assert {key("right", "teacher"), key("wrong", "recipe_error")} <= set(served)
    assert key("wrong", "teacher") not in served
    assert "shop/defs/wrong/defs.yaml:20: students.small.epochs: not allowed" in caplog.text

    monkeypatch.setenv("COMPRESSION_KEEP_LAST_GOOD", "0")
    with pytest.raises(ComponentTreeException) as refused:
        dg.load_from_defs_folder(path_within_project=package)
    assert "students.small.epochs: not allowed" in str(refused.value.__cause__)
