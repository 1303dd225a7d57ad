"""The page of a comparison: pictures come back as the samples that they are, and nothing is loaded from elsewhere."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from compression_ops.data.modalities.images import Images
from compression_ops.evaluation.comparison.comparison import Assessed, Comparison
from compression_ops.evaluation.comparison.flips import Answer, Flip
from compression_ops.evaluation.measurements import Cost
from compression_ops.evaluation.quality import assess, compare
from compression_ops.onnx_model.layers.noise import LayerNoise
from compression_ops.report.comparison import page, pictures, tables
from compression_ops.report.comparison.page import Contents
from compression_ops.report.explained import layer_noise

_CLASSES = ("cat", "dog <b>", "wolf|x")
_LABELS = np.array([0, 0, 1, 1, 2, 2])
_SAID = (np.array([0, 0, 1, 1, 2, 0]), np.array([0, 1, 1, 1, 2, 1]))


def _comparison() -> Comparison:
    """Sample 1 is lost, sample 5 is wrong either way."""
    first, second = (np.eye(3, dtype=np.float32)[said] for said in _SAID)
    flips = (
        Flip(1, 0, Answer(0, (0.6, 0.3, 0.1)), Answer(1, (0.2, 0.7, 0.1))),
        Flip(5, 2, Answer(0, (0.5, 0.3, 0.2)), Answer(1, (0.3, 0.45, 0.25))),
    )
    return Comparison(
        classes=_CLASSES,
        samples=6,
        first=Assessed("student/small", assess(first, _LABELS), 0.51234, Cost(1000, 4500, 4000, 9)),
        second=Assessed("quantized_student/int8", assess(second, _LABELS), 0.61234, Cost(1000, 1500, 1000, 9)),
        change=compare(second, "student/small", first, _LABELS),
        interval=(-45.25, 12.5),
        flips=flips,
    )


def _images(channels: int) -> dict[int, np.ndarray]:
    generator = np.random.default_rng(0)
    return {sample: generator.integers(0, 256, (channels, 5, 4), dtype=np.uint8) for sample in (1, 5)}


def _decoded(text: str) -> list[np.ndarray]:
    found = re.findall(r'<img src="data:image/png;base64,([^"]+)"', text)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each)))) for each in found]


def _page(images: dict[int, np.ndarray], **others: object) -> str:
    contents = Contents(_comparison(), "accuracy", ("made today", "made from <it>"), images, Images(), **others)  # type: ignore[arg-type]
    return page.page(contents)


@pytest.mark.parametrize("channels", [1, 3, 2])
def test_each_flipped_sample_is_drawn_as_it_is(channels: int) -> None:
    images = _images(channels)
    drawn = _decoded(_page(images))
    assert len(drawn) == 2
    for picture, sample in zip(drawn, (1, 5), strict=True):
        if channels == 3:
            assert np.array_equal(picture, images[sample].transpose(1, 2, 0))
        else:
            assert np.abs(picture - images[sample].mean(axis=0)).max() <= 0.5


def test_it_shows_both_probabilities_escapes_names_and_loads_nothing() -> None:
    text = _page(_images(1), warnings=("trained on <other> data",), notes=("a note",))
    assert "dog <b>" not in text
    assert text.count("dog &lt;b&gt;") >= 3
    assert "made from &lt;it&gt;" in text
    assert "trained on &lt;other&gt; data" in text
    card = text[text.index("cat, sample 1") : text.index("wolf|x, sample 5")]
    assert 'class="lost"' in card
    assert re.findall(r"</i>([\d.]+) %", card) == ["60.0", "20.0", "30.0", "70.0", "10.0", "10.0"]
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "<script" not in text


def test_samples_without_a_picture_are_counted_and_maps_and_layers_are_drawn() -> None:
    images = {1: _images(1)[1]}
    maps = {(1, 0): np.array([[[0.0, 1.0], [-1.0, 0.5]]])}
    layers = (LayerNoise("conv.weight", "Conv", "int8", 31.26, 0.75), LayerNoise("fc.weight", "Gemm", None, 28.0, 0.25))
    text = _page(images, attributions=maps, layers=layers, layer_samples=6)
    assert "1 more flipped and are not drawn" in text
    sample, attributed = _decoded(text)
    assert sample.shape == (5, 4)
    assert attributed.tolist() == [[[255, 255, 255], [9, 105, 218]], [[207, 34, 46], [132, 180, 236]]]
    for words in ("31.3 dB", "75 %", "Most is lost in conv.weight", "over 6 test samples"):
        assert words in text


def test_a_map_of_nothing_is_white() -> None:
    source = pictures.attributions(np.zeros((3, 2, 2)))
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))) == 255).all()


def test_sentences_say_what_changed_and_whether_chance_may_do_it() -> None:
    accuracy, flipped = tables.sentences(_comparison())
    assert accuracy == (
        "Accuracy: 83.3 % → 66.7 %, −16.7 points (95 % interval −45.2 to +12.5; McNemar's exact p = 1, which chance "
        "alone may do)."
    )
    assert flipped == "2 of 6 test samples flipped: 1 lost, 1 wrong either way."
    balanced = tables.sentences(_comparison(), "balanced_accuracy")[1]
    assert balanced.startswith("Balanced accuracy: 83.3 % → 66.7 %, −16.7 points (95 % interval ")


def test_tables_tell_measures_flips_classes_and_what_is_left_out() -> None:
    measures = {row[0]: row[1:] for row in tables.measures(_comparison()).rows}
    assert measures["NLL"] == ("0.5123", "0.6123", "+0.1000")
    assert measures["file"] == ("4.50 kB", "1.50 kB", "0.333×")
    assert measures["parameters"] == ("1,000", "1,000", "1.00×")
    assert tables.flips(_comparison(), 10).rows[0] == ("1", "lost", "cat", "cat 60.0 %", "dog <b> 70.0 %")
    few = tables.flips(_comparison(), 1)
    assert (len(few.rows), few.note.endswith("1 more flipped.")) == (1, True)
    rows = tables.classes(_comparison(), 10).rows
    assert rows == (
        ("cat", "100.0 %", "50.0 %", "−50.0", "2", "dog <b> +1"),
        ("wolf|x", "50.0 %", "50.0 %", "0.0", "2", "cat −1, dog <b> +1"),
    )


@pytest.mark.parametrize(("decibels", "words"), [(24.06, "24.1 dB"), (float("inf"), "∞ dB"), (float("-inf"), "−∞ dB")])
def test_decibels_without_noise_or_signal_are_told(decibels: float, words: str) -> None:
    assert layer_noise.decibels(LayerNoise("a", "Conv", None, decibels, 0.0)) == words
