"""What a saved network tells of its decisions is what its weights say, computed anew with NumPy."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.evaluation.decisions import decision
from compression_ops.evaluation.decisions.decision import LEVELS, Decision
from compression_ops.evaluation.decisions.explanation import chosen, explain
from compression_ops.models.network import Network, build, load, save
from compression_ops.stages import measurements
from compression_ops.stages.stage import Context
from tests.compression_ops import families, small_data

DEPTH, CLASSES = 3, 4
SHAPE = (3, 5, 7)
TREE = Network("soft_decision_tree", SHAPE, CLASSES, {"depth": DEPTH})


def saved(folder: Path, network: Network) -> Path:
    folder.mkdir()
    torch.manual_seed(0)
    model = build(network)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    save(folder, network, model)
    return folder


def described(shape: tuple[int, int, int]) -> Description:
    channels = range(shape[0])
    classes = tuple("abcd")
    return Description(classes, shape, tuple(0.4 + 0.1 * c for c in channels), tuple(0.2 + 0.1 * c for c in channels))


def split(shape: tuple[int, int, int], samples: int = 12) -> Split:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (samples, *shape), generator=generator).to(torch.uint8)
    return Split(images, torch.arange(samples) % CLASSES)


def answers(test: Split, wrong: int) -> np.ndarray:
    """Logits that are right on all but one sample."""
    logits = 3 * np.eye(CLASSES, dtype=np.float32)[test.labels.numpy()]
    logits[wrong] = np.roll(logits[wrong], 1)
    return logits


def way(folder: Path, x: np.ndarray) -> tuple[list[float], list[np.ndarray], int]:
    """Frosst & Hinton 2017 with NumPy: on the way to the likeliest leaf each node's p and β w; and that leaf."""
    state = load(folder).state_dict()
    weight, bias, beta = (
        state[name].double().numpy() for name in ("filters.weight", "filters.bias", "inverse_temperature")
    )
    right = 1 / (1 + np.exp(-beta * (weight @ x + bias)))
    ways: list[tuple[float, list[int], int]] = []
    for leaf in range(2**DEPTH):
        node, reached, nodes = 0, 1.0, []
        for bit in f"{leaf:0{DEPTH}b}":
            nodes.append(node)
            reached *= right[node] if bit == "1" else 1 - right[node]
            node = 2 * node + 1 + int(bit)
        ways.append((reached, nodes, leaf))
    _, nodes, leaf = max(ways)
    return [right[node] for node in nodes], [beta[node] * weight[node] for node in nodes], leaf


def test_a_tree_tells_the_way_of_each_sample_that_its_weights_say(tmp_path: Path) -> None:
    folder, description, test = saved(tmp_path / "tree", TREE), described(SHAPE), split(SHAPE)
    found, warnings = explain({"tree": folder}, {"tree": answers(test, wrong=6)}, test, description)
    assert [one.sample for one in found] == [0, 1, 2, 3, 6]
    assert [one.is_right for one in found] == [True, True, True, True, False]
    assert warnings == ()
    mean, std = (np.array(values).reshape(-1, 1, 1) for values in (description.mean, description.std))
    for one in found:
        x = (test.samples[one.sample].double().numpy() / 255 - mean) / std
        right, filters, leaf = way(folder, x.ravel())
        assert one.leaf == leaf
        assert [node.right for node in one.nodes] == pytest.approx(right, rel=1e-4, abs=1e-6)
        assert f"{leaf:0{DEPTH}b}" == "".join(str(int(node.turned_right)) for node in one.nodes)
        assert np.array_equal(one.image, test.samples[one.sample])
        for drawn, node, exact in zip(one.filters, one.nodes, filters, strict=True):
            assert node.weight == pytest.approx(np.abs(exact).max(), rel=1e-5)
            np.testing.assert_allclose(drawn.ravel() * node.weight / LEVELS, exact, atol=node.weight / LEVELS)
        assert sum(one.distribution) == pytest.approx(1)
        assert one.confidence == pytest.approx(np.exp(3) / (np.exp(3) + 3))


def test_a_network_that_sees_other_images_than_the_data_is_asked_about_those_that_it_sees(tmp_path: Path) -> None:
    plain = saved(tmp_path / "plain", TREE)
    scaled = saved(tmp_path / "scaled", replace(TREE, scale=(2.0, 1.0, 0.5), shift=(0.0, 1.0, -1.0)))
    resized = saved(tmp_path / "resized", replace(TREE, image_size=6))
    description, test = described(SHAPE), split(SHAPE)
    right = answers(test, wrong=6)
    logits: dict[str, np.ndarray] = {"plain": right, "scaled": right, "resized": right}
    found, _ = explain({"plain": plain, "scaled": scaled, "resized": resized}, logits, test, description)
    by_model = {name: [one for one in found if one.model == name] for name in logits}
    assert by_model["resized"][0].filters.shape == (DEPTH, 3, 6, 6)
    assert by_model["resized"][0].image.shape == SHAPE
    deviation = np.array(description.std) / np.array([2.0, 1.0, 0.5])
    mean = np.array(description.mean) - np.array([0.0, 1.0, -1.0]) * deviation
    same = replace(description, mean=tuple(mean), std=tuple(deviation))
    (other, *_), _ = explain({"plain": plain}, logits, test, same)
    first = by_model["scaled"][0]
    assert [node.right for node in first.nodes] == pytest.approx([node.right for node in other.nodes], rel=1e-3)
    assert first.leaf == other.leaf


def test_large_images_and_filters_are_kept_no_larger_than_they_are_drawn(tmp_path: Path) -> None:
    shape = (1, 100, 200)
    folder = saved(tmp_path / "tree", replace(TREE, input_shape=shape))
    test = split(shape, samples=4)
    found, _ = explain({"tree": folder}, {"tree": answers(test, wrong=3)}, test, described(shape))
    assert found[0].filters.shape == (DEPTH, 1, 32, 64)
    assert found[0].image.shape == (1, 64, 128)
    assert abs(float(found[0].image.mean()) - test.samples[0].double().mean().item()) < 1


def test_the_first_right_answers_of_four_classes_are_chosen_then_the_first_wrong_one() -> None:
    labels = np.array([1, 0, 1, 0, 2, 3, 4, 5])
    predicted = np.array([0, 0, 1, 0, 2, 3, 4, 0])
    logits = np.eye(6, dtype=np.float32)[predicted]
    assert chosen(logits, labels) == [1, 2, 4, 5, 0]
    assert chosen(logits[[1, 3]], labels[[1, 3]]) == [0]
    assert chosen(logits[[0, 7]], labels[[0, 7]]) == [0]


class Silent(nn.Module):
    """It has a word for its decisions that is of another kind, as the argument says."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.linear = how, nn.Linear(SHAPE[0] * SHAPE[1] * SHAPE[2], CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.flatten(1))

    def decision_path(self, image: Tensor) -> Any:
        shares = (0.25,) * CLASSES
        path = SimpleNamespace(
            filters=torch.ones(1, *SHAPE), right=(0.5,), turns=(True,), leaf=0, probability=0.5, distribution=shares
        )
        match self.how:
            case "exits":
                sys.exit(3)
            case "flat":
                path.filters = torch.ones(1, 105)
            case "not a number":
                path.filters = torch.full((1, *SHAPE), float("nan"))
            case "few turns":
                path.turns = ()
            case "classes":
                path.distribution = shares[1:]
            case "percent":
                path.probability = 50.0
            case _:
                return None
        return path


def silent(input_shape: tuple[int, int, int], classes: int, how: str) -> nn.Module:
    return Silent(how)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exits", "SystemExit"),
        ("flat", r"shape \[1, 105\]; allowed"),
        ("not a number", "allowed are finite"),
        ("few turns", "0 turns; allowed"),
        ("classes", "3 classes .* allowed are 4"),
        ("percent", "to 50; allowed"),
        ("nothing", "NoneType"),
    ],
)
def test_an_explanation_that_is_none_costs_a_warning_and_no_measurement(how: str, words: str, tmp_path: Path) -> None:
    network = Network(f"{__name__}:silent", SHAPE, CLASSES, {"how": how})
    folder, test = saved(tmp_path / "silent", network), split(SHAPE)
    found, warnings = explain({"student/odd": folder}, {"student/odd": answers(test, 6)}, test, described(SHAPE))
    assert found == ()
    (warning,) = warnings
    assert re.search(f"^student/odd: .*{words}", warning)


def test_decisions_come_back_from_their_file_as_they_were_and_without_one_there_is_none(tmp_path: Path) -> None:
    folder, test = saved(tmp_path / "tree", TREE), split(SHAPE)
    found, _ = explain({"tree": folder}, {"tree": answers(test, wrong=6)}, test, described(SHAPE))
    for name in ("once", "again", "none"):
        (tmp_path / name).mkdir()
        decision.write(found if name != "none" else (), tmp_path / name)
    read = decision.read(tmp_path / "once")
    assert list(map(plain, read)) == list(map(plain, found))
    for before, after in zip(found, read, strict=True):
        assert np.array_equal(before.image, after.image)
        assert np.array_equal(before.filters, after.filters)
        assert (after.image.dtype, after.filters.dtype) == (np.uint8, np.int8)
    assert (tmp_path / "once" / decision.FILE).read_bytes() == (tmp_path / "again" / decision.FILE).read_bytes()
    assert decision.read(tmp_path / "none") == ()
    assert list((tmp_path / "none").iterdir()) == []


def plain(one: Decision) -> tuple[Any, ...]:
    return (one.model, one.sample, one.label, one.predicted, one.confidence, one.nodes, one.leaf, one.distribution)


@pytest.mark.slow
def test_measurements_keep_the_decisions_of_students_and_repeat_them_byte_for_byte(tmp_path: Path) -> None:
    small = small_data.data()
    folders = {name: tmp_path / name.replace("/", "_") for name in ("dataset", "teacher", "student/a", "control/a")}
    folders["dataset"].mkdir()
    save_split(folders["dataset"], "test", small.validation)
    save_description(folders["dataset"], small.description)
    tree = Network("soft_decision_tree", small_data.SHAPE, small_data.CLASSES, {"depth": 2})
    saved(folders["teacher"], Network(f"{small_data.__name__}:linear", small_data.SHAPE, small_data.CLASSES))
    for name in ("student/a", "control/a"):
        saved(folders[name], tree)
    family = families.family({"teacher": None, "student/a": "teacher", "control/a": "student/a"})
    parameters = measurements.Measurements(batch_sizes=[1], threads=1, iterations=10, warmup=1, models=family)
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        result = measurements.run(parameters, folders, Context(tmp_path / name))
        assert decision.FILE not in result.volatile
    read = decision.read(tmp_path / "once")
    assert {one.model for one in read} == {"student/a"}
    assert (tmp_path / "once" / decision.FILE).read_bytes() == (tmp_path / "again" / decision.FILE).read_bytes()
