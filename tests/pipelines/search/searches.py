"""The recipe `tiny` with a search."""

from pathlib import Path

from pipelines.recipe import file
from pipelines.recipe.searched.section import Search
from tests.pipelines import recipes

QUANTIZATION = """\
  search:
    trials: 4
    maximize: quantized_student/int8.validation_accuracy
    minimize: quantized_student/int8.file_bytes
    fields:
      quantized_students.int8.weight_bits: {choices: [4, 8]}
      quantized_students.int8.calibration.samples: {choices: [32, 64]}
"""


def text(section: str = QUANTIZATION) -> str:
    """The recipe with a section at its end."""
    return recipes.TINY + section


def write(defs: Path, section: str = QUANTIZATION) -> Search:
    """Write the recipe with a section; returns the section as it was read."""
    found = file.read(recipes.write(defs, text=text(section))).recipe.search
    assert found is not None
    return found
