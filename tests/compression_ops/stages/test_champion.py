"""The stage picks the best candidate, compares it with the incumbent and says what it decided and why.

Each model of these tests predicts what one row of the image says: the brightest of its first three pixels.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from scipy import stats

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.errors import CompressionError, ModelError
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.progress import Progress, ProgressCallback, silent
from compression_ops.stages import champion
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import linear_models

SHAPE, CLASSES, SAMPLES = (1, 8, 8), 3, 300
LABELS = np.arange(SAMPLES) % CLASSES
DESCRIPTION = Description(("a", "b", "c"), SHAPE, (0.2,), (0.3,))
# Of the model that reads row 0, 1, ...: the samples on which it is wrong.
WRONG = [range(0, 3), range(3, 7), range(0, 60), range(0, 3)]


def model(row: int, padding: int = 0, scale: float = 1.0) -> onnx.ModelProto:
    weights = np.zeros((*SHAPE, CLASSES))
    for label in range(CLASSES):
        weights[0, row, label, label] = scale
    return raw_samples.normalizing(linear_models.linear(weights.reshape(-1, CLASSES), SHAPE, padding), DESCRIPTION)


def save(folder: Path, proto: onnx.ModelProto) -> Path:
    folder.mkdir(parents=True)
    onnx.save(proto, folder / "model.onnx")
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Only the test split; `good` and `small` are alike in accuracy, `bad` is far worse."""
    root = tmp_path_factory.mktemp("inputs")
    images = np.zeros((SAMPLES, *SHAPE), np.uint8)
    for row, wrong in enumerate(WRONG):
        predicted = (LABELS + np.isin(np.arange(SAMPLES), wrong)) % CLASSES
        images[np.arange(SAMPLES), 0, row, predicted] = 200
    (root / "dataset").mkdir()
    save_split(root / "dataset", "test", Split(torch.from_numpy(images), torch.from_numpy(LABELS)))
    save_description(root / "dataset", DESCRIPTION)
    return {
        "dataset": root / "dataset",
        "good": save(root / "good", model(0, padding=1000)),
        "small": save(root / "small", model(1)),
        "bad": save(root / "bad", model(2)),
    }


def run(
    inputs: dict[str, Path],
    output: Path,
    candidates: dict[str, list[str]],
    incumbent: Path | None = None,
    progress: ProgressCallback = silent,
) -> tuple[dict[str, Any], dict[str, Any], StageResult]:
    """champion.json, decision.json and the result."""
    output.mkdir()
    name = None if incumbent is None else "digits champion 4"
    given = {key: inputs[key] for key in ("dataset", *candidates)}
    if incumbent is not None:
        given["incumbent"] = incumbent
    parameters = champion.Champion(candidates=candidates, incumbent=name, threads=1, iterations=20)
    result = champion.run(parameters, given, Context(output, progress))
    read = (json.loads((output / file).read_text()) for file in ("champion.json", "decision.json"))
    return *read, result


def test_the_smallest_of_the_candidates_that_cannot_be_told_apart_is_the_first_champion(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    content, decision, result = run(inputs, tmp_path / "out", {"good": [], "small": [], "bad": []})
    sizes = {name: (inputs[name] / "model.onnx").stat().st_size for name in ("bad", "good", "small")}
    assert content == {
        "candidate": "small",
        "promoted": True,
        "already": False,
        "test_accuracy": {"bad": 240 / 300, "good": 297 / 300, "small": 296 / 300},
        "file_bytes": sizes,
    }
    assert decision["words"].startswith("small is promoted: there is no champion yet. Its accuracy is 98.7 % of 300")
    assert list(result.metrics.items())[:2] == [("promoted", 1.0), ("candidate_test_accuracy", 296 / 300)]
    assert result.metrics["candidate_file_bytes"] == sizes["small"]
    assert result.metrics["candidate_latency_us"] > 0
    assert result.warnings == ()


def test_a_candidate_that_fails_its_gates_is_not_even_opened(inputs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    given = {**inputs, "broken": tmp_path / "broken"}
    content, _, _ = run(given, tmp_path / "out", {"good": [], "small": ["Too bad."], "broken": ["Broken."]})
    assert content["candidate"] == "good"
    assert set(content["test_accuracy"]) == {"good"}


def test_where_none_passes_nothing_is_promoted_and_each_failure_is_told(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    content, decision, result = run(
        inputs, tmp_path / "out", {"good": ["Too large.", "Too slow."], "bad": ["Inaccurate."]}, inputs["small"]
    )
    assert (content["candidate"], content["promoted"], content["already"]) == (None, False, False)
    words = "Nothing is promoted: no candidate passes its gates. bad: Inaccurate. good: Too large. Too slow."
    assert decision["words"] == words
    assert result.warnings == (words,)
    assert result.metrics == {"promoted": 0.0}
    assert run(inputs, tmp_path / "none", {})[1]["words"] == "Nothing is promoted: there is no candidate."


def test_a_better_candidate_replaces_the_champion_with_scipys_p_value(inputs: dict[str, Path], tmp_path: Path) -> None:
    content, decision, result = run(inputs, tmp_path / "out", {"good": []}, inputs["bad"])
    assert content["promoted"]
    assert decision["words"].startswith("good replaces digits champion 4: it is more accurate, and not by chance.")
    # `bad` is wrong on 60 samples, `good` on three of these.
    assert result.metrics["p_value"] == pytest.approx(stats.binomtest(57, 57).pvalue)
    assert result.metrics["accuracy_change_points"] == pytest.approx(100 * 57 / 300)
    assert result.metrics["incumbent_test_accuracy"] == 240 / 300
    assert result.metrics["incumbent_latency_us"] > 0
    assert content["test_accuracy"] == {"good": 297 / 300, "incumbent": 240 / 300}


def test_a_worse_candidate_does_not(inputs: dict[str, Path], tmp_path: Path) -> None:
    content, decision, result = run(inputs, tmp_path / "out", {"bad": []}, inputs["good"])
    assert (content["candidate"], content["promoted"]) == ("bad", False)
    assert decision["words"].startswith("bad does not replace digits champion 4: it is less accurate")
    assert result.metrics["promoted"] == 0


def test_an_equal_but_smaller_candidate_replaces_the_champion(inputs: dict[str, Path], tmp_path: Path) -> None:
    twin = save(tmp_path / "twin", model(3))
    content, decision, _ = run({**inputs, "twin": twin}, tmp_path / "out", {"twin": []}, inputs["good"])
    assert content["promoted"]
    assert "% smaller" in decision["words"]


def test_what_a_file_says_about_itself_does_not_count_as_its_size(inputs: dict[str, Path], tmp_path: Path) -> None:
    signed = model(0, scale=2.0)
    metadata.describe(signed, DESCRIPTION)
    metadata.sign(signed, recipe="r" * 5000, asset="good", digest="d", run_id="r")
    content, _, _ = run(
        {**inputs, "twin": save(tmp_path / "twin", model(3))},
        tmp_path / "out",
        {"twin": []},
        save(tmp_path / "signed", signed),
    )
    assert content["file_bytes"]["twin"] == content["file_bytes"]["incumbent"]
    assert not content["already"]


def test_the_champion_itself_is_recognized_whatever_its_file_says(inputs: dict[str, Path], tmp_path: Path) -> None:
    signed = onnx.load(inputs["small"] / "model.onnx")
    metadata.describe(signed, DESCRIPTION)
    metadata.sign(signed, recipe="digits", asset="small", digest="d", run_id="r")
    folder = save(tmp_path / "signed", signed)
    content, decision, result = run(inputs, tmp_path / "out", {"small": []}, folder)
    assert (content["promoted"], content["already"], decision["already"]) == (False, True, True)
    assert decision["words"] == "small already is the champion: graph and weights are those of digits champion 4."
    assert (result.metrics["accuracy_change_points"], result.metrics["p_value"]) == (0, 1)


def test_a_champion_that_takes_floats_is_replaced_by_its_network_that_takes_pixels(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    weights = np.zeros((*SHAPE, CLASSES))
    for label in range(CLASSES):
        weights[0, 1, label, label] = 1
    floats = linear_models.linear(weights.reshape(-1, CLASSES), SHAPE)
    metadata.describe(floats, DESCRIPTION)
    content, decision, result = run(inputs, tmp_path / "out", {"small": []}, save(tmp_path / "floats", floats))
    assert (content["promoted"], content["already"]) == (True, False)
    assert decision["words"].startswith(
        "small is promoted: its network is that of digits champion 4, which takes floats"
    )
    assert content["test_accuracy"] == {"small": 296 / 300, "incumbent": 296 / 300}
    assert result.metrics["promoted"] == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ("a", "b", "d")}, "its classes and the data set's differ in 'd', 'c'"),
        ({"classes": ("b", "a", "c")}, "differ in their order"),
        ({"classes": tuple("abcdefghijk")}, "differ in 'd', 'e', 'f', 'g', 'h' and 3 more"),
    ],
)
def test_a_champion_of_other_classes_is_replaced_without_a_comparison(
    inputs: dict[str, Path], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    other = model(0)
    metadata.describe(other, Description(**{**vars(DESCRIPTION), **changes}))
    content, decision, result = run(inputs, tmp_path / "out", {"bad": []}, save(tmp_path / "other", other))
    assert (content["candidate"], content["promoted"]) == ("bad", True)
    assert words in decision["words"]
    assert decision["words"].startswith(
        "bad is promoted: digits champion 4 cannot be compared with it on this data set"
    )
    assert result.warnings == (decision["words"],)
    assert not any(name.startswith("incumbent") for name in result.metrics)


@pytest.mark.parametrize(
    ("shape", "classes", "words"),
    [
        (SHAPE, 4, "it tells 4 classes, and the data set has 3"),
        ((3, 8, 8), 3, r"it takes images of shape (3, 8, 8), and the data set's have (1, 8, 8)"),
    ],
)
def test_a_champion_that_says_nothing_of_itself_is_told_apart_by_its_shapes(
    inputs: dict[str, Path], tmp_path: Path, shape: tuple[int, int, int], classes: int, words: str
) -> None:
    other = linear_models.linear(np.ones((int(np.prod(shape)), classes)), shape)
    content, decision, _ = run(inputs, tmp_path / "out", {"good": []}, save(tmp_path / "other", other))
    assert content["promoted"]
    assert words in decision["words"]


def test_the_champion_sees_the_images_normalized_as_it_was_trained(inputs: dict[str, Path], tmp_path: Path) -> None:
    # A model whose bias matters: class 0 unless the pixel, as *its* mean and deviation scale it, is large.
    weights = np.zeros((*SHAPE, CLASSES))
    for label in range(CLASSES):
        weights[0, 0, label, label] = 1
    weights[0, 7, 7, 0] = -10  # always black: with its own mean of zero it adds nothing
    incumbent = linear_models.linear(weights.reshape(-1, CLASSES), SHAPE)
    metadata.describe(incumbent, Description(DESCRIPTION.classes, SHAPE, (0.0,), (1.0,)))
    _, _, result = run(inputs, tmp_path / "out", {"good": []}, save(tmp_path / "incumbent", incumbent))
    assert result.metrics["incumbent_test_accuracy"] == 297 / 300


def test_two_runs_differ_in_the_volatile_file_alone(inputs: dict[str, Path], tmp_path: Path) -> None:
    content: list[bytes] = []
    for name, order in (("first", ("good", "small")), ("second", ("small", "good"))):
        _, _, result = run(inputs, tmp_path / name, {key: [] for key in order}, inputs["bad"])
        assert result.volatile == {"decision.json"}
        assert {file.name for file in (tmp_path / name).iterdir()} == {"champion.json", "decision.json"}
        content.append((tmp_path / name / "champion.json").read_bytes())
    assert content[0] == content[1]


def test_progress_runs_to_its_total_and_tells_each_models_accuracy(inputs: dict[str, Path], tmp_path: Path) -> None:
    told: list[Progress] = []
    run(inputs, tmp_path / "out", {"good": [], "small": []}, inputs["bad"], told.append)
    assert [progress.done for progress in told] == [1, 2, 3, 3, 4]
    assert {progress.total for progress in told} == {4}
    accuracies = {one.description: one.metrics["test_accuracy"] for one in told if "test_accuracy" in one.metrics}
    assert accuracies == {"good": 297 / 300, "small": 296 / 300, "digits champion 4": 240 / 300}


def test_a_candidate_that_the_stage_was_not_given_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    parameters = champion.Champion(candidates={"lost": []}, iterations=10)
    with pytest.raises(CompressionError, match="candidates: lost cannot be judged"):
        champion.run(parameters, inputs, Context(tmp_path))


def test_a_candidate_that_is_not_made_for_the_data_set_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    other = save(tmp_path / "other", linear_models.linear(np.ones((64, 4)), SHAPE))
    with pytest.raises(ModelError, match="other: it tells 4 classes, and the data set has 3; a candidate must be"):
        run({**inputs, "other": other}, tmp_path / "out", {"other": []})


def test_a_model_whose_logits_are_not_finite_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    diverged = save(tmp_path / "diverged", model(0, scale=float("nan")))
    with pytest.raises(ModelError, match="digits champion 4: logits of 300 of 300 test samples are not finite"):
        run(inputs, tmp_path / "out", {"good": []}, diverged)


def test_a_file_that_is_no_onnx_model_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"model\.onnx"):
        run({**inputs, "broken": tmp_path / "broken"}, tmp_path / "out", {"broken": []})
