"""The WebAssembly module of a model: complete in itself, and refused in words where it cannot be made."""

import re
from pathlib import Path

import onnx
import pytest

from compression_ops import target
from compression_ops.errors import CompressionError, ModelError
from compression_ops.onnx_model import metadata
from compression_ops.targets.wasm import Wasm
from compression_ops.wasm import module, page
from tests.compression_ops import linear_models
from tests.compression_ops.c_code import quantized, samples
from tests.compression_ops.wasm import models

_IMPORT, _EXPORT = 2, 7  # sections, WebAssembly Core 2.0, §5.5
_KINDS = ("function", "table", "memory", "global")


def sections(code: bytes) -> dict[int, bytes]:
    """By its id, the content of each section of a module."""
    found: dict[int, bytes] = {}
    at = 8
    while at < len(code):
        kind = code[at]
        size, at = leb128(code, at + 1)
        found[kind] = code[at : at + size]
        at += size
    assert at == len(code)
    return found


def leb128(code: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer, and where the next byte is."""
    value = shift = 0
    while True:
        byte, at = code[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def exports(section: bytes) -> dict[str, str]:
    """Kinds by name."""
    count, at = leb128(section, 0)
    found: dict[str, str] = {}
    for _ in range(count):
        size, at = leb128(section, at)
        name, at = section[at : at + size].decode(), at + size
        found[name] = _KINDS[section[at]]
        _, at = leb128(section, at + 1)
    return found


@pytest.mark.wasm
def test_a_module_imports_nothing_and_exports_what_a_page_calls(tmp_path: Path) -> None:
    built = module.build(models.model(tmp_path, (1, 8, 8)))
    assert built.code[:8] == b"\0asm\1\0\0\0"
    found = sections(built.code)
    assert _IMPORT not in found
    assert exports(found[_EXPORT]) == {
        "memory": "memory",
        "input": "function",
        "output": "function",
        "classes": "function",
        "fraction_bits": "function",
        "classify": "function",
    }
    weights = 25 * 16 + 9 * 16 * 24 + 9 * 24 * 16 + 16 * 10  # whose rows are filled up with a few zeros
    assert weights <= built.weight_bytes < 1.1 * weights
    assert built.weight_bytes < len(built.code) < 50_000
    assert built.description == quantized.described((1, 8, 8), models.CLASSES)


@pytest.mark.parametrize("lacking", [("clang",), ("wasm-ld",), ("clang", "wasm-ld")])
def test_a_machine_without_the_tools_is_told_how_to_get_them(
    lacking: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "shutil.which", lambda name: None if any(name.startswith(each) for each in lacking) else f"/usr/bin/{name}"
    )
    words = f"there is no {' and no '.join(lacking)}, which make WebAssembly\n  run `sudo apt-get install clang lld`"
    assert module.missing() == words
    with pytest.raises(CompressionError) as told:
        module.build(models.model(tmp_path, (1, 8, 8)))
    assert str(told.value) == words


def test_a_tool_is_found_by_the_newest_of_its_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("clang-14", "clang-19", "wasm-ld-16"):
        (tmp_path / name).write_text("#!/bin/sh\necho that failed >&2; exit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.missing() is None
    with pytest.raises(CompressionError, match=r"clang-19 could not make WebAssembly: that failed\n.*LLVM 14 or newer"):
        module.build(models.model(tmp_path, (1, 8, 8)))


def test_a_network_that_c_refuses_is_refused_in_the_same_words(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    floats = linear_models.linear(linear_models.column_brightness((1, 8, 8), 4), (1, 8, 8))
    metadata.describe(floats, quantized.described((1, 8, 8), 4))
    onnx.save(floats, file)
    words = r"model\.onnx: takes floats; allowed is a model that takes uint8 pixels"
    with pytest.raises(ModelError, match=words):
        module.build(file)
    assert re.search(words, target.refusal(Wasm(), file) or "")
    assert target.refusal(Wasm(), models.model(tmp_path, (1, 8, 8))) is None


@pytest.mark.parametrize("shape", [(1, 8, 9), (2, 8, 8)])
def test_a_page_is_refused_to_images_that_no_picture_becomes_whatever_is_installed(
    shape: tuple[int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ModelError, match=rf"takes images of {shape[0]} channel\(s\), 8 x {shape[2]} pixels; a page"):
        page.write(models.model(tmp_path, shape), "title", "origin")


def test_a_page_is_refused_to_what_is_no_image_whatever_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ModelError, match=r"takes rows; a page can be made for images alone\. For rows take the target"):
        page.write(samples.model("mlp", tmp_path / "model.onnx"), "title", "origin")


@pytest.mark.wasm
def test_names_in_a_page_are_text(tmp_path: Path) -> None:
    file = models.model(tmp_path, (1, 8, 8), 2)
    model = onnx.load(file)
    named = quantized.described((1, 8, 8), 2)
    bad = "</script><script>alert(1)</script>"
    metadata.describe(model, type(named)((bad, "b"), named.shape, named.mean, named.std))
    onnx.save(model, file)
    text = page.write(file, "<b>title</b>", '"origin" & more').text
    assert bad not in text
    assert text.count("<script") == 2
    assert "<b>title" not in text
    assert "&#34;origin&#34; &amp; more" in text
