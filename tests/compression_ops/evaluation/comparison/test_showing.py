"""Flipped samples of a family of models: counted as NumPy counts them, shown, kept in a file, drawn in the report."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from compression_ops.data.dataset import Description, Split
from compression_ops.evaluation.comparison import flipped, saliency, showing
from compression_ops.models.network import Network, build, load, save
from compression_ops.report import html, json_file, markdown
from pipelines.graph.digests import of_content as content_digest
from tests.compression_ops import example_report, families, small_data

MODELS = {
    "teacher": None,
    "student/small": "teacher",
    "control/small": "student/small",
    "quantized_student/int8": "student/small",
}
TEST = small_data.split(48, seed=2)
DESCRIPTION = small_data.data().description


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Saved networks of a teacher and a student; the others' folders are empty, as those of ONNX files."""
    made = {name: tmp_path_factory.mktemp("model") for name in MODELS}
    for seed, name in enumerate(("teacher", "student/small")):
        torch.manual_seed(seed)
        network = Network(f"{small_data.__name__}:linear", small_data.SHAPE, small_data.CLASSES)
        save(made[name], network, build(network).eval())
    return made


def _logits(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((48, 3), np.float32)


LOGITS = {name: _logits(seed) for seed, name in enumerate(MODELS)}


def _found(folders: dict[str, Path]) -> tuple[flipped.Flipped, ...]:
    found, warnings = showing.find(families.family(MODELS), folders, LOGITS, TEST, DESCRIPTION)
    assert warnings == ()
    return found


def test_flips_are_counted_by_their_effect_and_each_effect_is_shown(folders: dict[str, Path]) -> None:
    labels = TEST.labels.numpy()
    found = _found(folders)
    assert [(one.parent, one.model) for one in found] == [
        ("teacher", "student/small"),
        ("student/small", "quantized_student/int8"),
    ]
    for one in found:
        before, after = (LOGITS[name].argmax(axis=1) for name in (one.parent, one.model))
        apart = before != after
        assert one.lost == np.sum(apart & (before == labels))
        assert one.gained == np.sum(apart & (after == labels))
        assert one.count == np.sum(apart)
        assert len(one.shown) == showing.SHOWN
        assert {shown.flip.effect for shown in one.shown} == {"lost", "gained", "neither"}
        for shown in one.shown:
            sample = shown.flip.sample
            assert (shown.flip.first.predicted, shown.flip.second.predicted) == (before[sample], after[sample])
            np.testing.assert_array_equal(shown.image, TEST.samples[sample].numpy())


def test_maps_are_those_of_both_saved_networks_scaled_and_an_onnx_model_has_none(folders: dict[str, Path]) -> None:
    students, integers = _found(folders)
    shown = students.shown[0]
    image = TEST.samples[shown.flip.sample][None]
    for name, answer, drawn in zip(
        ("teacher", "student/small"), (shown.flip.first, shown.flip.second), shown.maps, strict=True
    ):
        (expected,) = saliency.attributions(load(folders[name]), image, [answer.predicted], DESCRIPTION)
        np.testing.assert_allclose(drawn, expected / np.abs(expected).max(), atol=6e-4)
    assert all(one.maps == () for one in integers.shown)


def test_they_are_read_as_they_were_written_byte_for_byte_each_time(folders: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        flipped.write(_found(folders), tmp_path / name)
    assert (tmp_path / "a" / flipped.FILE).read_bytes() == (tmp_path / "b" / flipped.FILE).read_bytes()
    found, read = _found(folders), flipped.read(tmp_path / "a")
    for one, again in zip(found, read, strict=True):
        assert replace(one, shown=()) == replace(again, shown=())
        for before, after in zip(one.shown, again.shown, strict=True):
            assert (before.flip, before.words) == (after.flip, after.words)
            np.testing.assert_array_equal(before.image, after.image)
            np.testing.assert_array_equal(before.maps, after.maps)
    (tmp_path / "none").mkdir()
    flipped.write((), tmp_path / "none")
    assert flipped.read(tmp_path / "none") == ()
    assert list((tmp_path / "none").iterdir()) == []


def test_a_network_that_gives_no_gradients_costs_a_warning_and_no_sample(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise RuntimeError("no derivative")

    monkeypatch.setattr(saliency, "open_network", fail)
    found, warnings = showing.find(families.family(MODELS), folders, LOGITS, TEST, DESCRIPTION)
    assert [len(one.shown) for one in found] == [showing.SHOWN] * 2
    assert warnings[0].startswith("student/small: what it and teacher look at is not drawn: ")
    assert "no derivative" in warnings[0]


def test_a_large_image_is_shown_smaller_and_without_maps(folders: dict[str, Path]) -> None:
    large = torch.arange(48 * 300 * 200).remainder(251).to(torch.uint8).view(48, 1, 300, 200)
    description = Description(("a", "b", "c"), (1, 300, 200), (0.5,), (0.2,))
    found, _ = showing.find(families.family(MODELS), folders, LOGITS, Split(large, TEST.labels), description)
    for shown in found[0].shown:
        assert shown.image is not None
        assert shown.image.shape == (1, 128, 85)
        assert shown.maps == ()
        assert shown.image.mean() == pytest.approx(large[shown.flip.sample].double().mean().item(), abs=1)


def test_the_report_tells_and_draws_them_and_is_silent_where_nothing_flipped(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    plain = example_report.report()
    report = replace(plain, measurements=replace(plain.measurements, flips=_found(folders)))
    first = _found(folders)[0]
    counts = f"{first.count} of {report.test_samples} test samples flipped: {first.lost} lost, {first.gained} gained"
    page = html.page(report)
    assert "<h2>What student/small answers otherwise than teacher</h2>" in page
    assert counts in page
    assert page.count("<article>") == 2 * showing.SHOWN
    assert page.count('alt="what A looks at"') == showing.SHOWN
    assert f"against teacher, {counts}" in markdown.markdown(report)
    json_file.write(report, tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())["flips"]
    assert [(one["model"], one["lost"], len(one["shown"])) for one in told] == [
        (one.model, one.lost, showing.SHOWN) for one in _found(folders)
    ]
    assert "<article>" not in html.page(plain)
    assert "otherwise" not in markdown.markdown(plain)


def test_what_flipped_is_what_the_artifact_is_known_by(folders: dict[str, Path], tmp_path: Path) -> None:
    """Also of what is no image, and whose file holds no picture."""
    found = [
        replace(one, shown=tuple(replace(each, image=None, maps=()) for each in one.shown)) for one in _found(folders)
    ]
    digests = set[str]()
    for number, flips in enumerate((found, found[:1], [replace(found[0], lost=found[0].lost + 1)])):
        (tmp_path / str(number)).mkdir()
        flipped.write(flips, tmp_path / str(number))
        digests.add(content_digest(tmp_path / str(number) / flipped.FILE))
    assert len(digests) == 3
