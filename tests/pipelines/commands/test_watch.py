"""What `compression ui` notices of the files from which the graph is made, and how it judges them."""

from pathlib import Path

import pytest

from pipelines.commands import verdict
from pipelines.commands.watch import Change, Watch
from tests.pipelines import product, recipes

_NETWORK = """\
from torch import nn


def build(channels: int, size: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, classes))
"""


def _looked(watch: Watch) -> Change | None:
    """What two looks find, of which the second sees what the first has seen."""
    return watch.look() or watch.look()


def test_a_change_counts_once_it_has_settled_and_only_once(defs: Path) -> None:
    recipe, watch = defs / "tiny" / "defs.yaml", Watch()
    assert _looked(watch) is None
    for seed in ("seed: 1", "seed: 12", "seed: 123"):
        recipe.write_text(recipes.TINY.replace("seed: 0", seed))
        assert watch.look() is None, "it may go on"
    found = watch.look()
    assert found is not None
    assert (found.files, found.mistakes, found.wrong, found.loadable) == ((recipe,), (), (), True)
    assert _looked(watch) is None


def test_what_lies_beside_a_recipe_is_not_watched_unless_it_is_a_module(defs: Path) -> None:
    watch = Watch()
    images = defs / "tiny" / "images"
    images.mkdir()
    (images / "0.png").write_bytes(b"")
    (images / "0.py").write_text("")
    assert _looked(watch) is None
    (defs / "tiny" / "template_vars.py").write_text("")
    found = _looked(watch)
    assert found is not None
    assert found.files == (defs / "tiny" / "template_vars.py",)


@pytest.mark.slow
def test_recipes_that_come_and_go_are_changes(defs: Path) -> None:
    watch = Watch()
    second = recipes.write(defs, "second")
    found = _looked(watch)
    assert found is not None
    assert found.files == (second,)
    second.unlink()
    found = _looked(watch)
    assert found is not None
    assert found.files == (second,)


def test_a_wrong_recipe_is_told_once_and_again_when_it_is_right(defs: Path) -> None:
    recipe, watch = defs / "tiny" / "defs.yaml", Watch()
    product.edit(recipe, "views: 2", "views: none")
    found = _looked(watch)
    assert found is not None
    assert found.wrong == ("tiny",)
    assert found.loadable, "its last good version can be"
    (mistake,) = found.mistakes
    assert "soft_labels.views: not allowed" in mistake
    product.edit(recipe, "# where the images come from", "# where they come from")
    found = _looked(watch)
    assert found is not None
    assert (found.mistakes, found.wrong, found.mended) == ((), ("tiny",), ())
    product.edit(recipe, "views: none", "views: 2")
    found = _looked(watch)
    assert found is not None
    assert (found.mistakes, found.wrong, found.mended) == ((), (), ("tiny",))


def test_what_a_module_prints_when_it_is_imported_disturbs_no_verdict(
    defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('loud', end='')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    product.edit(defs / "tiny" / "defs.yaml", "views: 2", "views: none")
    found = verdict.ask()
    assert list(found.wrong) == ["tiny"]
    assert found.broken == ()


@pytest.mark.slow
def test_a_module_that_a_recipe_chose_is_watched_and_judged(
    defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").mkdir()
    module = tmp_path / "code" / "my_network.py"
    module.write_text(_NETWORK)
    monkeypatch.setenv("PYTHONPATH", str(module.parent), prepend=":")
    product.edit(defs / "tiny" / "defs.yaml", "architecture: tiny_cnn", "architecture: my_network:build")
    watch = Watch()
    assert watch.mistakes == ()
    module.write_text(_NETWORK.replace("Flatten(), ", "Flatten(), nn.Identity(), "))
    found = _looked(watch)
    assert found is not None
    assert (found.files, found.loadable) == ((module,), True)
    module.write_text("def build(:\n")
    found = _looked(watch)
    assert found is not None
    assert not found.loadable
    assert any(f"{module}:1: not Python" in mistake for mistake in found.mistakes)
    module.write_text(_NETWORK)
    found = _looked(watch)
    assert found is not None
    assert (found.mistakes, found.loadable) == ((), True)
