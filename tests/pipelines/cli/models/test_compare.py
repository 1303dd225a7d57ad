"""`compression compare`: two models of any history on the recipe's test split, against a loop over their sessions."""

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from typer.testing import CliRunner, Result

from compression_ops.data.dataset import load_arrays, load_description
from compression_ops.models.network import load
from pipelines.cli.app import app
from pipelines.cli.models import compare
from pipelines.cli.terminal.console import Terminal
from pipelines.commands import compare as commands
from tests.pipelines import product

_INT8, _SMALL = "quantized_student/int8", "student/small"


def _compare(*arguments: str) -> Result:
    return CliRunner().invoke(app(), ["compare", *arguments])


def _json(first: str, second: str) -> dict[str, Any]:
    result = _compare("tiny", first, second, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _refusal(first: str, second: str = _INT8, *more: str) -> str:
    result = _compare("tiny", first, second, *more)
    assert result.exit_code != 0
    assert type(result.exception).__name__ in ("CompressionError", "ModelError"), result.exception
    return str(result.exception)


def _folder(asset: str) -> Path:
    return product.pipeline().store.fetch(product.entry(asset).artifact)


def _logits(asset: str, description_of: str = "dataset") -> np.ndarray:
    """Of the test split, one sample at a time: of a network in torch, of an integer model in onnxruntime."""
    folder, (images, _) = _folder(asset), load_arrays(_folder("dataset"), "test")
    if (folder / "model.onnx").exists():
        session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return np.concatenate([np.asarray(session.run(None, {name: image[None]})[0]) for image in images])
    data, network = load_description(_folder(description_of)), load(folder)
    scaled = (torch.from_numpy(images.copy()).double() / 255 - data.mean[0]) / data.std[0]
    with torch.no_grad():
        return np.concatenate([network(image[None]).numpy() for image in scaled.float()])


def test_json_says_what_a_loop_over_both_models_says(recipe: Path) -> None:
    found = _json("teacher", _SMALL)
    _, labels = load_arrays(_folder("dataset"), "test")
    logits = [_logits(asset) for asset in ("teacher", _SMALL)]
    said = [each.argmax(axis=1) for each in logits]
    right = [each == labels for each in said]
    classes = load_description(_folder("dataset")).classes
    assert found["test_samples"] == len(labels)
    assert found["first"]["test_accuracy"] == pytest.approx(right[0].mean())
    assert found["accuracy_change_points"] == pytest.approx(100 * (right[1].mean() - right[0].mean()))
    assert found["only_first_right"] == (right[0] & ~right[1]).sum()
    flips = {each["sample"]: each for each in found["flips"]}
    assert flips.keys() == set(np.flatnonzero(said[0] != said[1]).tolist())
    assert flips, "or this test shows nothing"
    for sample, flip in flips.items():
        assert flip["class"] == classes[labels[sample]]
        for key, model in (("first", 0), ("second", 1)):
            powers = [math.exp(value) for value in logits[model][sample].tolist()]
            assert flip[key]["class"] == classes[said[model][sample]]
            assert flip[key]["probability"] == pytest.approx(max(powers) / sum(powers), abs=1e-3)
    assert found["second"]["parameters"] == sum(each.numel() for each in _trained(_SMALL))
    assert (found["layers"], found["warnings"], found["same"]) == ([], [], False)


def _trained(asset: str) -> list[torch.Tensor]:
    """The weights that are left when batch norm is folded: a scale and a shift become a bias."""
    network = load(_folder(asset))
    layers = [each for each in network.modules() if isinstance(each, torch.nn.Conv2d | torch.nn.Linear)]
    return [each.weight for each in layers] + [torch.zeros(len(each.weight)) for each in layers]


def test_of_a_quantized_form_each_layer_is_told_and_its_calibration_agrees(recipe: Path) -> None:
    found = _json(_SMALL, _INT8)
    assert {each["stored"] for each in found["layers"]} == {"int8"}
    assert sum(each["share_of_added_noise"] for each in found["layers"]) == pytest.approx(1)
    assert all(15 < each["sqnr_db"] < 60 for each in found["layers"])
    assert found["second"]["file_bytes"] == (_folder(_INT8) / "model.onnx").stat().st_size
    turned = _json(_INT8, _SMALL)
    assert turned["layers"] == found["layers"]
    assert turned["accuracy_change_points"] == -found["accuracy_change_points"]
    facts = json.loads((_folder(_INT8) / "quantization.json").read_text())
    last = -20 * math.log10(facts["relative_errors"]["logits"])  # on calibration samples
    assert found["layers"][-1]["sqnr_db"] == pytest.approx(last, abs=3)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_terminal_shows_names_whole_at_any_width(recipe: Path, width: int) -> None:
    console = Terminal(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    for first, second in ((_SMALL, _INT8), ("teacher", _SMALL)):
        compare.show(console, commands.compare(product.pipeline(), first, second), "accuracy")
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert [line for line in lines if len(line) > width] == []
    words = " ".join(lines)
    for name in (f"A: {_SMALL}", f"B: {_INT8}", "calibration error", *(name for name, _ in _weights(_INT8))):
        assert name in words
    for name in ("accuracy", "NLL", "parameters", "file"):
        cells = [line.split()[1:] for line in lines if line.startswith(f"{name} ")]
        assert len(cells) == 2, "both comparisons"
        assert all(len(each) >= 2 for each in cells), "of A and of B"
    assert "samples flipped: " in words
    if width == 80:
        assert "not shown" not in words


def _weights(asset: str) -> list[tuple[str, str]]:
    return list(json.loads((_folder(asset) / "quantization.json").read_text())["weight_storage"].items())


def test_a_model_is_found_by_digest_artifact_run_and_as_champion(recipe: Path) -> None:
    entry = product.entry(_SMALL)
    for asked in (entry.digest[:10], entry.artifact[:10], entry.run_id[:8], entry.run_id):
        assert _json(asked, _INT8)["first"]["digest"] == entry.digest
    shipped = _json(_SMALL, "champion")
    assert shipped["second"]["digest"] == product.entry(_INT8).digest
    assert len(shipped["layers"]) == len(_weights(_INT8)), "also of what MLflow serves"


def test_the_same_model_under_two_names_is_said_to_be_one(recipe: Path, tmp_path: Path) -> None:
    result = _compare("tiny", "champion", _INT8, "--html", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("quantized_student/int8 and quantized_student/int8 are the same model")
    assert not (tmp_path / "page.html").exists()
    assert _json("champion", _INT8)["same"] is True


def test_an_earlier_model_of_an_asset_is_compared_with_the_one_of_today(recipe: Path) -> None:
    before = product.entry(_SMALL)
    product.edit(recipe, "      seed: 0\n      loss", "      seed: 1\n      loss")
    product.run(patterns=[_SMALL])
    assert product.entry(_SMALL).digest != before.digest
    found = _json(before.digest[:12], _SMALL)
    assert [found[key]["digest"] for key in ("first", "second")] == [before.digest, product.entry(_SMALL).digest]
    shown = _compare("tiny", before.run_id, _SMALL).stdout
    assert before.digest[:12] in shown
    assert product.entry(_SMALL).digest[:12] in shown


def test_a_model_of_other_data_is_normalized_as_it_was_and_what_it_has_seen_is_counted(recipe: Path) -> None:
    old = product.entry("dataset")
    product.edit(
        recipe, "validation_fraction: 0.1, seed: 0, limit: 200", "validation_fraction: 0.3, seed: 4, limit: 250"
    )
    product.run(patterns=["dataset"])
    found = _json("teacher", _INT8)
    known = {
        image.tobytes()
        for split in ("train", "validation")
        for image in load_arrays(product.pipeline().store.fetch(old.artifact), split)[0]
    }
    images, labels = load_arrays(_folder("dataset"), "test")
    count = sum(image.tobytes() in known for image in images)
    for asset, warning in zip(("teacher", _INT8), found["warnings"], strict=True):
        assert warning.startswith(f"{asset} of tiny, digest ")
        assert f"was trained on other data than the recipe's current ones (digest {old.digest[:12]})" in warning
        assert (f"{count} samples of this test split" in warning) if count else ("none of this test" in warning)
    assert len(labels) == found["test_samples"]
    store = product.pipeline().store
    store.drop(old.artifact)
    assert "so nobody knows how its samples are normalized\n  compare the quantized student" in _refusal("teacher")
    store.drop(product.entry("dataset").artifact)
    assert "run `compression run tiny --select dataset` first" in _refusal("teacher")


def test_a_page_is_written_and_a_place_that_is_none_is_refused_first(recipe: Path, tmp_path: Path) -> None:
    result = _compare("tiny", "teacher", _SMALL, "--html", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    flips = _json("teacher", _SMALL)["flips"]
    drawn = min(len(flips), 24)
    assert page.count('alt="sample ') == min(len(flips), 100)
    assert page.count('alt="what A looks at"') == page.count('alt="what B looks at"') == drawn
    assert "which is no folder" in _refusal("teacher", _SMALL, "--html", str(tmp_path / "no" / "page.html"))
    assert "is a folder" in _refusal("teacher", _SMALL, "--html", str(tmp_path))


def test_bad_input_is_told_with_what_to_do(recipe: Path) -> None:
    found = _refusal("student/smal")
    assert "recipe 'tiny' has no asset 'student/smal'" in found
    assert "did you mean `student/small`?" in found
    assert "allowed: teacher, student/small, control/small, quantized_student/int8, champion" in found
    assert "dataset holds no model\n  allowed: teacher" in _refusal("dataset")
    entry = product.entry("soft_labels")
    assert f"{entry.run_id} is soft_labels of tiny, which holds no model" in _refusal(entry.run_id)
    assert "no digest or MLflow run here begins with it" in _refusal("0123456789abcdef0123456789abcdef")
    assert "'abc' is too short" in _refusal("abc")
    assert "has no asset '../tiny/teacher'" in _refusal("../tiny/teacher")
    assert "has no asset ''" in _refusal("")


def test_what_was_never_made_is_told_apart_from_what_holds_no_model(defs: Path) -> None:
    assert "student/small was never computed\n  run `compression run tiny --select student/small`" in _refusal(_SMALL)
    assert "soft_labels holds no model" in _refusal("soft_labels")
    assert "recipe 'tiny' has no champion" in _refusal("champion")


def test_a_prefix_of_several_models_lists_them_and_one_that_is_lost_says_how_it_comes_back(recipe: Path) -> None:
    pipeline, entry = product.pipeline(), product.entry(_SMALL)
    twin = entry.digest[:8] + "0" * 56
    pipeline.history.append(replace(entry, recipe="other", digest=twin, run_id="f" * 32))
    found = _refusal(entry.digest[:8])
    assert f"{entry.digest[:8]} begins 2 models" in found
    assert f"student/small of other, digest {twin[:12]}, run ffffffff" in found
    assert "write more of the one you mean" in found
    pipeline.store.drop(entry.artifact)
    assert "run `compression run tiny --select student/small` to make it again" in _refusal(_SMALL)
    lost = _refusal(entry.digest[:12])
    assert f"artifact {entry.artifact[:12]} is missing" in lost
    assert f"`compression lineage tiny --run-id {entry.run_id}`" in lost


def test_a_whole_run_id_that_only_mlflow_knows_is_found_by_what_the_run_noted(recipe: Path) -> None:
    entry = product.entry(_SMALL)
    pipeline = product.pipeline()
    pipeline.actions.remove(entry.action)
    (pipeline.home.root / "history" / "tiny" / f"{_SMALL}.jsonl").unlink()
    assert "no artifact of its digest is in this home's histories" in _refusal(entry.run_id)
    pipeline.history.append(replace(entry, run_id="f" * 32, recipe="elsewhere"))
    assert _json(entry.run_id, _INT8)["first"]["digest"] == entry.digest
