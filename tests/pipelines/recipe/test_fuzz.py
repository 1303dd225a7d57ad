"""Whatever stands in a recipe's file, reading it gives a recipe or an error in words: never another exception."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compression_ops.errors import CompressionError
from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import recipes

_VALUES = [
    "null", "[1]", "{a: 1}", "2024-01-01", "2024-13-45", "2001-12-14t99:59:43", "1" * 5000, "0x" + "f" * 5000, ".nan",
    ".inf", "-.inf", "1e400", "'1'", "true", "!!int abc", "!!float abc", "!!bool maybe", "!!binary '@@'", "!foo 1",
    "!!set {a}", "!!python/object:os.system x", "*nope", "&a 1", '"\\x00"', "é", "._", "{? [1]: 2}", "{{a: b}: 2}",
    "[" * 1200, "|\n    x", "{<<: {a: 1}}", "{<<: 3}", "'a:b'", "'__main__:x'", "'json:loads'", "'.x:y'", "'a\\0b:c'",
]  # fmt: skip


def _read(path: Path) -> None:
    """Read a recipe; a mistake must be told with a line, any other exception fails the test."""
    told: CompressionError | None = None
    try:
        file.read(path)
    except CompressionError as error:
        told = error
    if isinstance(told, RecipeError):
        assert all(mistake.line >= 1 for mistake in told.mistakes)
        assert "allowed:" in str(told)


@pytest.mark.parametrize(
    "place", ["epochs: 1  #", "architecture: simple_cnn", "{type: kd, temperature: 4.0, alpha: 0.9}"]
)
@pytest.mark.parametrize("value", _VALUES, ids=range(len(_VALUES)))
def test_a_strange_value_is_told_in_words(place: str, value: str, defs: Path) -> None:
    key, colon, _ = place.partition(":") if not place.startswith("{") else ("", "", "")
    path = recipes.write(defs, text=recipes.TINY.replace(place, f"{key}{colon} {value}  #" if colon else value))
    _read(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutilated_recipe_is_told_in_words(data: st.DataObject, defs: Path) -> None:
    lines = recipes.TINY.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(
        st.sampled_from([lines[number][2:], lines[number] + " {", "", lines[number].replace(":", ""), "  x: 1"])
        | st.text(max_size=30)
    )
    _read(recipes.write(defs, text="\n".join(lines) + "\n"))


@pytest.mark.parametrize("value", _VALUES, ids=range(len(_VALUES)))
@pytest.mark.parametrize(
    "place", ["targets: {}", "targets: [{}]", "targets: [onnx, {{type: {}}}]", "method: {{type: {}}}"]
)
def test_a_strange_choice_is_told_in_words(place: str, value: str, defs: Path) -> None:
    _read(recipes.write(defs, text=recipes.edited(("      weight_bits: 8", f"      {place.format(value)}"))))


def test_a_merged_section_is_read_and_its_mistake_told(defs: Path) -> None:
    base = "{epochs: 2, batch_size: 64, learning_rate: 0.003, seed: 0}"
    text = recipes.edited(
        (
            "    small:\n      architecture: tiny_cnn\n      epochs: 2",
            f"    small:\n      <<: {base}\n      architecture: tiny_cnn",
        )
    )
    assert file.read(recipes.write(defs, text=text)).recipe.students["small"].epochs == 2
    with pytest.raises(RecipeError, match=r"students\.small\.epochs: out of range"):
        file.read(recipes.write(defs, text=text.replace("{epochs: 2", "{epochs: 0")))


def test_a_folder_that_is_no_name_is_refused(defs: Path) -> None:
    with pytest.raises(RecipeError, match="letters, digits and underscores"):
        file.read(recipes.write(defs, name="my-recipe"))
