"""The trained weights that a teacher begins with: observed, and the root of the lineage of all that it teaches."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision import models
from typer.testing import CliRunner

from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build
from pipelines.cli.app import app
from pipelines.observed import teacher_weights
from pipelines.recipe import file
from pipelines.state.home import Home
from tests.pipelines import product, recipes

_TRAINED = ("epochs: 1  # enough for a test", "weights: ../teacher.safetensors\n    epochs: 0")


def _weights(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    state = build(Network("simple_cnn", (1, 8, 8), 10)).state_dict()
    save_file({name: value.contiguous() for name, value in state.items()}, path)


@pytest.mark.slow
def test_another_file_is_another_teacher_and_lineage_begins_with_it(defs: Path) -> None:
    _weights(defs / "teacher.safetensors", seed=1)
    recipes.write(defs, text=recipes.edited(_TRAINED))
    assert product.computed(patterns=["student/small"]) == {"dataset", "teacher", "soft_labels", "student/small"}
    assert product.computed(patterns=["student/small"]) == set()
    tree = json.loads(CliRunner().invoke(app(), ["lineage", "tiny", "student/small", "--json"]).stdout)
    teacher = next(node for node in tree["inputs"][1]["inputs"] if node["asset"] == "teacher")
    first = next(node for node in teacher["inputs"] if node["asset"] == "teacher_weights")
    assert first["digest"] == product.entry("teacher").inputs["teacher_weights"].digest
    forward = json.loads(
        CliRunner().invoke(app(), ["lineage", "tiny", "teacher_weights", "--forward", "--json"]).stdout
    )
    assert [node["asset"] for node in forward["inputs"]] == ["teacher"]

    _weights(defs / "teacher.safetensors", seed=2)
    assert product.causes()["teacher"] == ["teacher weights changed"]
    assert "teacher" in product.computed(patterns=["teacher"])
    (defs / "teacher.safetensors").unlink()
    assert product.states()["teacher"] == "fresh", "it is not on this machine, and not changed"


def test_published_weights_are_brought_here_once(defs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From torch's own cache, where a download would lie; without a network and a cache it says what to do."""
    recipes.write(
        defs,
        text=recipes.edited(
            ("architecture: simple_cnn", "architecture: torchvision.models:squeezenet1_1"),
            ("epochs: 1  # enough for a test", "weights: torchvision\n    epochs: 0"),
        ),
    )
    recipe, home = file.load("tiny"), Home(tmp_path / "home")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    assert teacher_weights.locate(recipe, home) is None
    with pytest.raises(ModelError, match="try again with a network; or bring the file here by hand"):
        teacher_weights.obtain(recipe, home)
    assert teacher_weights.locate(recipe, home) is None, "nothing is left of it"

    published = models.squeezenet1_1().state_dict()
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True, exist_ok=True)
    torch.save(published, cache / models.SqueezeNet1_1_Weights.DEFAULT.url.rpartition("/")[2])
    found = teacher_weights.obtain(recipe, home)
    assert found == teacher_weights.locate(recipe, home)
    assert all(torch.equal(value, published[name]) for name, value in load_file(found).items())
