"""A teacher that exists already: taken as it is, fine-tuned, or only run; and files that are not its weights."""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torchvision import models

from compression_ops.data.dataset import load_description, load_split
from compression_ops.errors import ModelError
from compression_ops.models.inference import logits
from compression_ops.models.network import Network, build, load
from compression_ops.onnx_model.export import export, export_saved
from compression_ops.onnx_model.session import open_session, predict
from compression_ops.stages import teacher
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import small_data

State = Mapping[str, torch.Tensor]
ARCHITECTURE = "tests.compression_ops.small_data:network"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return small_data.artifact(tmp_path / "dataset")


def _trained() -> nn.Module:
    """A network that somebody trained by a plain loop."""
    torch.manual_seed(3)
    model = small_data.network(small_data.SHAPE, small_data.CLASSES)
    content = small_data.data(256)
    images = (content.train.samples.float() / 255 - content.description.mean[0]) / content.description.std[0]
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(model(images), content.train.labels).backward()
        optimizer.step()
    return model.eval()


def _run(dataset: Path, weights: Path | None, output: Path, **parameters: object) -> StageResult:
    output.mkdir()
    stated = {"architecture": ARCHITECTURE, "epochs": 0, **parameters}
    inputs = {"dataset": dataset} | ({teacher.TRAINED: weights} if weights else {})
    return teacher.run(teacher.Teacher.model_validate(stated), inputs, Context(output))


def _expected(model: nn.Module, dataset: Path) -> torch.Tensor:
    return logits(model, load_split(dataset, "validation").samples, load_description(dataset))


def _as_it_stands(state: State) -> object:
    return state


def _checkpoint(state: State) -> object:
    return {"epoch": 3, "state_dict": state}


def _data_parallel(state: State) -> object:
    return {f"module.{name}": value for name, value in state.items()}


def _compiled_by_lightning(state: State) -> object:
    return {"state_dict": {f"model._orig_mod.{name}": value for name, value in state.items()}}


@pytest.mark.parametrize("form", [None, _as_it_stands, _checkpoint, _data_parallel, _compiled_by_lightning])
def test_a_trained_network_is_taken_as_it_is(
    form: Callable[[State], object] | None, dataset: Path, tmp_path: Path
) -> None:
    model = _trained()
    if form is None:
        save_file(model.state_dict(), tmp_path / "weights.safetensors")
    else:
        torch.save(form(model.state_dict()), tmp_path / "weights.pt")
    result = _run(dataset, next(tmp_path.glob("weights.*")), tmp_path / "out")
    found = load(tmp_path / "out")
    assert torch.equal(_expected(found, dataset), _expected(model, dataset))
    labels = load_split(dataset, "validation").labels
    accuracy = (_expected(model, dataset).argmax(dim=1) == labels).double().mean().item()
    assert result.metrics["validation_accuracy"] == accuracy > 0.9
    assert result.metrics["best_epoch"] == 0
    assert result.warnings == ()


def test_its_own_size_and_normalization_are_put_before_it(dataset: Path, tmp_path: Path) -> None:
    """As its users do it by hand: rescale pixels to [0, 1], resize, normalize as it was trained."""
    torch.manual_seed(0)
    model = small_data.linear((1, 12, 12), small_data.CLASSES).eval()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    normalization = {"mean": [0.4], "std": [0.25]}
    _run(
        dataset,
        tmp_path / "w.safetensors",
        tmp_path / "out",
        architecture="tests.compression_ops.small_data:linear",
        image_size=12,
        normalization=normalization,
    )
    pixels = load_split(dataset, "validation").samples.float() / 255
    by_hand = model(functional.interpolate((pixels - 0.4) / 0.25, (12, 12), mode="bilinear"))
    torch.testing.assert_close(_expected(load(tmp_path / "out"), dataset), by_hand, rtol=1e-4, atol=1e-4)


def test_fine_tuning_a_frozen_backbone_moves_the_head_alone(dataset: Path, tmp_path: Path) -> None:
    model = _trained()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    _run(dataset, tmp_path / "w.safetensors", tmp_path / "out", epochs=2, learning_rate=0.1, freeze="backbone")
    before, after = model.state_dict(), load_file(tmp_path / "out" / "model.safetensors")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"5.weight", "5.bias"}, "neither other weights nor statistics"


def test_without_freezing_all_of_it_learns_from_where_it_was(dataset: Path, tmp_path: Path) -> None:
    model = _trained()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    tuned = _run(dataset, tmp_path / "w.safetensors", tmp_path / "out", epochs=1, learning_rate=1e-4)
    new = _run(dataset, None, tmp_path / "new", epochs=1, learning_rate=1e-4)
    assert tuned.metrics["validation_accuracy"] > 0.9 > new.metrics["validation_accuracy"]


def test_a_head_for_other_classes_starts_anew_where_it_is_trained_and_is_refused_where_not(
    dataset: Path, tmp_path: Path
) -> None:
    other = small_data.network(small_data.SHAPE, 7)
    save_file(other.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"5\.weight \[7, 96\] instead of \[3, 96\]"):
        _run(dataset, tmp_path / "w.safetensors", tmp_path / "refused")
    result = _run(dataset, tmp_path / "w.safetensors", tmp_path / "out", epochs=1, learning_rate=0.01)
    assert "are for 7 classes, the data have 3" in result.warnings[0]


def _pickled(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path / "w.pt")


def _other_network(path: Path) -> None:
    save_file(small_data.linear(small_data.SHAPE, 3).state_dict(), path / "w.safetensors")


def _other_classes(path: Path) -> None:
    save_file(_trained().state_dict(), path / "w.safetensors", {"classes": json.dumps(["a", "b", "zebra"])})


def _other_order(path: Path) -> None:
    save_file(_trained().state_dict(), path / "w.safetensors", {"classes": json.dumps(["b", "a", "c"])})


def _cut_short(path: Path) -> None:
    save_file(_trained().state_dict(), path / "full.safetensors")
    (path / "w.safetensors").write_bytes((path / "full.safetensors").read_bytes()[:100])


def _optimizer(path: Path) -> None:
    torch.save({"epoch": 3, "optimizer": {"lr": 0.1}}, path / "w.pt")


def _page(path: Path) -> None:
    (path / "w.pt").write_text("<!DOCTYPE html><title>404</title>")


def _empty(path: Path) -> None:
    (path / "w.pt").write_bytes(b"")


def _not_a_number(path: Path) -> None:
    state = _trained().state_dict()
    next(iter(state.values())).view(-1)[0] = torch.nan
    save_file(state, path / "w.safetensors")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_pickled, "convert it once:\n  python -c"),
        (_other_network, "of another network"),
        (_other_classes, "zebra"),
        (_other_order, "another order"),
        (_cut_short, "no readable safetensors file"),
        (_optimizer, "with the keys epoch, optimizer"),
        (_page, "it begins with b'<!DOCTYP"),
        (_empty, "it begins with b''"),
        (_not_a_number, "hold NaN, in "),
    ],
)
def test_what_is_not_its_weights_is_refused_in_words(
    make: Callable[[Path], None], words: str, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    make(folder)
    with pytest.raises(ModelError) as caught:
        _run(dataset, next(folder.glob("w.*")), tmp_path / "out")
    assert words in str(caught.value)


def _whole(model: nn.Module) -> object:
    return model


def _whole_in_a_checkpoint(model: nn.Module) -> object:
    return {"model": model, "epoch": 1}


def _beside_arguments(model: nn.Module) -> object:
    return {"model": model.state_dict(), "args": argparse.Namespace(lr=0.1), "epoch": 3}


@pytest.mark.parametrize("form", [_whole, _whole_in_a_checkpoint, _beside_arguments])
def test_the_line_that_converts_a_pickle_does(
    form: Callable[[nn.Module], object], dataset: Path, tmp_path: Path
) -> None:
    torch.save(form(_trained()), tmp_path / "it's $HOME.pt")
    with pytest.raises(ModelError) as caught:
        _run(dataset, tmp_path / "it's $HOME.pt", tmp_path / "refused")
    line = next(line.strip() for line in str(caught.value).splitlines() if "python -c" in line)
    subprocess.run([sys.executable, *shlex.split(line)[1:]], check=True, cwd=tmp_path)
    assert _run(dataset, tmp_path / "it's $HOME.safetensors", tmp_path / "out").metrics["validation_accuracy"] > 0.9


def test_the_first_bytes_say_what_a_file_is_whatever_its_name(dataset: Path, tmp_path: Path) -> None:
    for name in ("w.pt", "w.SafeTensors", "w.bin"):
        save_file(_trained().state_dict(), tmp_path / name)
        assert _run(dataset, tmp_path / name, tmp_path / f"of {name}").metrics["validation_accuracy"] > 0.9


def test_weights_that_know_nothing_of_the_data_are_told(dataset: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(small_data.network(small_data.SHAPE, 3).state_dict(), tmp_path / "w.safetensors")
    assert "classes in another order" in _run(dataset, tmp_path / "w.safetensors", tmp_path / "out").warnings[0]


def test_published_weights_are_refused_where_small_images_would_change_the_network(
    dataset: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    published = models.squeezenet1_1(num_classes=3)
    save_file(published.state_dict(), tmp_path / "w.safetensors")
    stated = {"architecture": "torchvision.models:squeezenet1_1"}
    with pytest.raises(ModelError, match="State `image_size`"):
        _run(dataset, tmp_path / "w.safetensors", tmp_path / "refused", **stated)
    _run(dataset, tmp_path / "w.safetensors", tmp_path / "out", image_size=96, **stated)
    pixels = load_split(dataset, "validation").samples
    description = load_description(dataset)
    inputs = (pixels.float() / 255 - description.mean[0]) / description.std[0]
    large = functional.interpolate(inputs, (96, 96), mode="bilinear").expand(-1, 3, -1, -1)
    by_hand = published.eval()(large)
    torch.testing.assert_close(_expected(load(tmp_path / "out"), dataset), by_hand, rtol=1e-3, atol=1e-3)


def _assert_equal(found: nn.Module, model: nn.Module, dataset: Path) -> None:
    torch.testing.assert_close(_expected(found, dataset), _expected(model, dataset), rtol=1e-4, atol=1e-4)


def test_an_onnx_file_teaches_as_the_network_that_it_was_made_from(dataset: Path, tmp_path: Path) -> None:
    model = _trained()
    (tmp_path / "w.onnx").write_bytes(export(model, small_data.SHAPE).SerializeToString())
    _run(dataset, tmp_path / "w.onnx", tmp_path / "out", architecture="onnx")
    _assert_equal(load(tmp_path / "out"), model, dataset)
    images = torch.rand(5, *small_data.SHAPE)
    found = predict(open_session(export_saved(tmp_path / "out").SerializeToString()), images.numpy())
    torch.testing.assert_close(torch.from_numpy(found), model(images), rtol=1e-4, atol=1e-4)


def test_an_onnx_file_for_other_images_or_classes_is_refused_or_resized_for(dataset: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build(Network("tiny_cnn", (1, 16, 16), 3)).eval()
    (tmp_path / "w.onnx").write_bytes(export(model, (1, 16, 16)).SerializeToString())
    with pytest.raises(ModelError, match="image_size: 16"):
        _run(dataset, tmp_path / "w.onnx", tmp_path / "refused", architecture="onnx")
    _run(dataset, tmp_path / "w.onnx", tmp_path / "out", architecture="onnx", image_size=16)
    images = torch.rand(5, *small_data.SHAPE)
    expected = model(functional.interpolate(images, (16, 16), mode="bilinear"))
    found = predict(open_session(export_saved(tmp_path / "out").SerializeToString()), images.numpy())
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-3, atol=1e-4)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="no readable ONNX model"):
        _run(dataset, tmp_path / "broken.onnx", tmp_path / "broken", architecture="onnx")
    four = build(Network("tiny_cnn", small_data.SHAPE, 4)).eval()
    (tmp_path / "four.onnx").write_bytes(export(four, small_data.SHAPE).SerializeToString())
    with pytest.raises(ModelError, match="tells 4 classes apart, and the data have 3"):
        _run(dataset, tmp_path / "four.onnx", tmp_path / "four", architecture="onnx")
