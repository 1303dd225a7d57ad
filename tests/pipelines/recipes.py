"""Recipes for tests: the digits recipe's shape, small enough to run in a second."""

from pathlib import Path

TINY = """\
type: pipelines.CompressionPipeline
attributes:
  # where the images come from
  dataset: {source: digits, validation_fraction: 0.1, seed: 0, limit: 200}
  teacher:
    architecture: simple_cnn
    epochs: 1  # enough for a test
    batch_size: 64
    learning_rate: 0.003
    weight_decay: 0.0001
    augmentation: {translate: 1.0}
    seed: 0
  soft_labels:
    views: 2
    augmentation: {translate: 1.0}
    seed: 0
  students:
    small:
      architecture: tiny_cnn
      epochs: 2
      batch_size: 64
      learning_rate: 0.003
      seed: 0
      loss: {type: kd, temperature: 4.0, alpha: 0.9}
      control: true
  quantized_students:
    int8:
      student: small
      weight_bits: 8
      activation_bits: 8
      per_channel: true
      calibration: {method: minmax, samples: 64}
  benchmark:
    batch_sizes: [1]
    threads: 1
    iterations: 20
    max_accuracy_drop: 100
    min_compression: 1.0
  automation: {mode: off}
"""


def write(folder: Path, name: str = "tiny", text: str = TINY) -> Path:
    """Write a recipe below a folder of recipes; returns its file."""
    path = folder / name / "defs.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def edited(*edits: tuple[str, str], text: str = TINY) -> str:
    """The text with each (old, new) replaced; every `old` must stand in it once."""
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the recipe"
        text = text.replace(old, new)
    return text
