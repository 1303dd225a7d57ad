"""Texts go the whole way, from a folder to a champion that takes their ids; what a user gets wrong is told before."""

import hashlib
import json
import random
import re
from pathlib import Path

import numpy as np
import onnx
import pytest

from compression_ops.onnx_model.session import open_session
from pipelines.commands import run as runner
from tests.pipelines import product, recipes

DROPOUT = "augmentation: {word_dropout: {probability: 0.1}}"
RECIPE = f"""\
type: pipelines.CompressionPipeline
attributes:
  dataset: {{source: text_folder, path: TEXTS, length: 10, vocabulary: 40, validation_fraction: 0.2, seed: 0}}
  teacher:
    architecture: embedding_bag
    arguments: {{dimensions: 256}}
    epochs: 8
    batch_size: 16
    learning_rate: 0.02
    {DROPOUT}
    seed: 0
  soft_labels:
    views: 2
    {DROPOUT}
    seed: 0
  students:
    small:
      architecture: text_cnn
      epochs: 6
      batch_size: 16
      learning_rate: 0.01
      seed: 0
      loss: {{type: kd, temperature: 4.0, alpha: 0.9}}
  quantized_students:
    int8:
      student: small
      calibration: {{method: minmax, samples: 16}}
    learned:
      student: small
      weight_bits: 4
      calibration: {{method: minmax, samples: 16}}
      method:
        {{type: lsq, epochs: 1, learning_rate: 0.003, batch_size: 16, loss: {{type: kd, temperature: 4, alpha: 0.9}}}}
  benchmark: {{batch_sizes: [1], threads: 1, iterations: 20, max_accuracy_drop: 100, min_compression: 1.0}}
  automation: {{mode: off}}
"""
WORDS = {"fruit": ["apple", "pear", "plum", "grape"], "metal": ["iron", "lead", "zinc", "tin"]}
OTHERS = ["the", "a", "of", "is", "very", "old", "and", "new"]


def sentence(label: str, number: int) -> str:
    """Two words of the class among others."""
    draw = random.Random(f"{label} {number}")
    words = [*draw.choices(WORDS[label], k=2), *draw.choices(OTHERS, k=draw.randint(1, 6))]
    draw.shuffle(words)
    return " ".join(words)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    for label in WORDS:
        (folder / label).mkdir(parents=True)
        for number in range(60):
            (folder / label / f"{number}.txt").write_text(sentence(label, number))
    return folder


def ids(text: str, said: dict[str, object], length: int) -> list[int]:
    """As the model's own metadata say, with nothing of the product."""
    known, size = said["words"], said["size"]
    assert isinstance(known, list)
    assert isinstance(size, int)
    found = re.findall(r"\w+", text.lower())[:length]
    if said["coding"] == "words":
        numbers = [2 + known.index(word) if word in known else 1 for word in found]
    else:
        codes = [int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big") for word in found]
        numbers = [2 + ((code >> 2) + 1) % (size - 2) for code in codes]
    return numbers + [0] * (length - len(numbers))


def right(folder: Path) -> float:
    """The share of unseen sentences that a file tells right, by its metadata and onnxruntime alone."""
    model = onnx.load(folder / "model.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    classes, modality = json.loads(said["compression.classes"]), json.loads(said["compression.modality"])
    unseen = [(label, sentence(label, number)) for label in WORDS for number in range(1000, 1050)]
    tokens = np.array([ids(text, modality, 10) for _, text in unseen], np.int64)
    logits = np.asarray(open_session(folder / "model.onnx").run(None, {"tokens": tokens})[0])
    return float(
        np.mean([classes[each] == label for each, (label, _) in zip(logits.argmax(axis=1), unseen, strict=True)])
    )


@pytest.mark.slow(seconds=15)
def test_texts_go_the_whole_way_and_ids_of_other_words_cannot_be_compared(defs: Path, texts: Path) -> None:
    recipe = recipes.write(defs, text=RECIPE.replace("TEXTS", str(texts)))
    report = product.run()
    assert "champion" in report.named("computed")
    store = product.pipeline().store
    for asset in ("quantized_student/int8", "quantized_student/learned"):
        folder = store.fetch(product.entry(asset).artifact)
        facts = json.loads((folder / "quantization.json").read_text())
        assert facts["integer_share"] == 1
        stored = {"quantized_student/int8": "uint8", "quantized_student/learned": "uint4"}[asset]
        assert facts["weight_storage"]["network.embedding.weight"] == stored
        assert right(folder) > 0.9
    product.edit(recipe, "vocabulary: 40", "buckets: 64")
    again = product.run()
    assert "champion" in again.named("computed")
    assert "cannot be compared" in product.decision()


def test_what_texts_do_not_allow_is_told_in_words(defs: Path, texts: Path) -> None:
    (texts / "fruit" / "7.txt").write_bytes(b"caf\xe9")
    recipes.write(defs, text=RECIPE.replace("TEXTS", str(texts)))
    outcomes = runner.run(product.pipeline(), ["dataset"]).outcomes
    (cause,) = [str(outcome.cause) for outcome in outcomes if outcome.cause]
    assert "fruit/7.txt: the byte 0xE9 at position 3 is no utf-8" in cause
    assert "encoding: cp1252" in cause
