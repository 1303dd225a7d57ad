"""The target `wasm`: what the module answers in wasmtime is what the integer model computes."""

import builtins
import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compression_ops import target
from compression_ops.c_code import reference
from compression_ops.errors import ModelError
from compression_ops.targets.wasm import Wasm
from tests.compression_ops.c_code import samples
from tests.compression_ops.targets import quantized

needs_llvm = pytest.mark.wasm


@needs_llvm
@pytest.mark.parametrize("weight_bits", [8, 3])
def test_the_module_gives_the_integers_of_the_reference(weight_bits: int, tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model", weight_bits)
    target.write(Wasm(), model, tmp_path)
    images = quantized.pixels(200)
    found = target.predictor(Wasm(), tmp_path)(images)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, reference.Predictor(model)(images))
    assert len(np.unique(found, axis=0)) > 100


@needs_llvm
@pytest.mark.parametrize("name", ["mlp", "embedding_bag", "ds_cnn"])
def test_rows_texts_and_recordings_are_taken_as_a_data_set_holds_them(name: str, tmp_path: Path) -> None:
    model, given = samples.model(name, tmp_path / "model.onnx"), samples.KINDS[name].samples(20, 1)
    target.write(Wasm(), model, tmp_path)
    np.testing.assert_array_equal(target.predictor(Wasm(), tmp_path)(given), reference.Predictor(model)(given))


@needs_llvm
def test_it_imports_nothing_and_its_bytes_repeat(tmp_path: Path) -> None:
    wasmtime = importlib.import_module("wasmtime")
    codes: list[bytes] = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        target.write(Wasm(), quantized.write(tmp_path / name / "model"), tmp_path / name)
        codes.append((tmp_path / name / "model.wasm").read_bytes())
    assert codes[0] == codes[1]
    assert list(wasmtime.Module(wasmtime.Engine(), codes[0]).imports) == []


def test_without_clang_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match=r"no clang and no wasm-ld.*\n.*apt-get install clang lld"):
        target.write(Wasm(), quantized.write(tmp_path / "model"), tmp_path)


def test_without_wasmtime_it_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "wasmtime":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    (tmp_path / "model.wasm").write_bytes(b"\0asm")
    with pytest.raises(ModelError, match=re.escape("pip install 'compression-pipeline[wasm]'")):
        target.predictor(Wasm(), tmp_path)
