"""Whatever the classes are called, the files compile and say so."""

import subprocess
from pathlib import Path

import onnx
import pytest
from torch import nn

from compression_ops.c_code import source, text
from compression_ops.onnx_model import metadata
from tests.compression_ops.c_code import compiled, quantized

SHAPE = (1, 6, 6)
NAMES = ("*/ int main(void){} /*", "/* open", "what??/\n#error no", "Ünïcode ✓", "back\\slash\\", '"quotes"')


def test_no_text_ends_a_comment_or_leaves_ascii() -> None:
    for name in NAMES:
        told = text.quoted(name)
        assert told.isascii()
        assert "/" not in told
        assert "\n" not in told
        assert "??" not in told


@pytest.mark.compiler
def test_class_names_are_told_and_cannot_break_the_code(tmp_path: Path) -> None:
    file = quantized.of_module(
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 6)),
        SHAPE,
        6,
        tmp_path / "model.onnx",
    )
    model = onnx.load(file)
    description = metadata.read(model).description
    metadata.describe(model, type(description)(NAMES, SHAPE, description.mean, description.std))
    onnx.save(model, file)
    written = source.write(file, tmp_path)
    header = written.header.read_text()
    assert ' *   5  "\\"quotes\\""' in header
    assert f"#define MODEL_RAM_BYTES {written.ram_bytes}\n" in header
    compiled.build(tmp_path)
    told = subprocess.run(["size", "-A", str(tmp_path / "program")], capture_output=True, text=True, check=True).stdout
    static = sum(int(line.split()[1]) for line in told.splitlines() if line.startswith(".bss"))
    assert written.ram_bytes <= static <= written.ram_bytes + 256
