"""Recordings go the way of images, from WAV files or synthetic words to a champion that takes int16."""

import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file
from scipy.io import wavfile

from pipelines.commands import run as runner
from tests.pipelines import product, recipes

_DIGITS = "source: digits, validation_fraction: 0.1, seed: 0, limit: 200"
_SHIFTED = [(f"augmentation: {{translate: 1.0}}\n{end}", f"augmentation: {{time_shift: {{samples: 200}}}}\n{end}")
            for end in ("    seed: 0\n  soft_labels", "    seed: 0\n  students")]  # fmt: skip
_NETWORKS = [
    ("architecture: simple_cnn", "architecture: strided_cnn"),
    ("architecture: tiny_cnn", "architecture: ds_cnn\n      arguments: {filters: 8, blocks: 1}"),
]


def _recipe(folder: Path, source: str, *edits: tuple[str, str]) -> None:
    recipes.write(folder, text=recipes.edited((_DIGITS, source), *edits))


def _failure(name: str) -> str:
    report = runner.run(product.pipeline(), [name])
    return next(item.cause for item in report.outcomes if item.cause)


@pytest.mark.slow
def test_synthetic_words_go_the_whole_way(home: Path, defs: Path) -> None:
    _recipe(defs, "source: tones, per_class: 20", *_SHIFTED, *_NETWORKS)
    assert len(product.computed()) == 9
    store = product.pipeline().store
    dataset, quantized, report = (
        store.fetch(product.entry(name).artifact) for name in ("dataset", "quantized_student/int8", "benchmark_report")
    )
    test = load_file(dataset / "test.safetensors")
    session = onnxruntime.InferenceSession(quantized / "model.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape[1:]) == ("signal", "tensor(int16)", [4000])
    right = np.asarray(session.run(None, {"signal": test["samples"]})[0]).argmax(axis=1) == test["labels"]
    metrics = product.entry("quantized_student/int8").metrics
    assert metrics["integer_share"] == 1
    assert product.entry("measurements").metrics["quantized_student/int8.test_accuracy"] == pytest.approx(right.mean())
    told = (report / "report.md").read_text() + re.sub(
        "(?s)<style>.*?</style>|<[^>]*>", " ", (report / "report.html").read_text()
    )
    assert not re.search(r"\b(images?|pixels?|pictures?)\b", told, re.IGNORECASE)
    assert product.computed() == set()


def test_a_folder_of_wav_files_becomes_a_data_set_and_what_it_does_not_allow_is_told(
    home: Path, defs: Path, tmp_path: Path
) -> None:
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        for number in range(12):
            wavfile.write(tmp_path / "sounds" / name / f"{number}.wav", 8000, draw.normal(0, 999, 1000).astype("i2"))
    source = f"source: wav_folder, path: {tmp_path / 'sounds'}, rate: 8000, seconds: 0.125, mels: 16"
    _recipe(defs, source, _SHIFTED[1])
    told = _failure("teacher")
    assert "teacher.augmentation.translate: does not fit the recordings, which are 1000" in told
    assert "allowed: for recordings: background_noise, time_shift" in told
    folder = product.pipeline().store.fetch(product.entry("dataset").artifact)
    assert load_file(folder / "train.safetensors")["samples"].shape[1:] == (1000,)
    (tmp_path / "sounds" / "cat" / "3.wav").write_bytes(b"RIFF")
    assert product.states()["dataset"] == "stale"
    assert "3.wav: no WAV file: it begins with b'RIFF'" in _failure("dataset")
