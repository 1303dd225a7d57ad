"""The target `c`: its compiled source answers as the integer model does, and nearly as the ONNX session."""

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from compression_ops import c_compiler, target
from compression_ops.c_code import reference
from compression_ops.errors import ModelError
from compression_ops.targets.c import C
from tests.compression_ops.c_code import samples
from tests.compression_ops.targets import quantized

compiled = pytest.mark.compiler


@compiled
@pytest.mark.parametrize(("weight_bits", "opset"), [(8, 21), (3, 21), (3, 15)])
def test_the_compiled_source_gives_the_integers_of_the_reference_and_nearly_the_logits_of_the_session(
    weight_bits: int, opset: int, tmp_path: Path
) -> None:
    model = quantized.write(tmp_path / "model", weight_bits, opset)
    written = target.write(C(), model, tmp_path)
    images = quantized.pixels(200)
    found = target.predictor(C(), tmp_path)(images)
    integers = reference.Predictor(model)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, integers(images))
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    logits = np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])
    np.testing.assert_allclose(found / 2**integers.fraction_bits, logits, atol=0.03 * float(np.ptp(logits)))
    assert written.files == ("model.c", "model.h", "input.json")
    assert set(written.metrics) == {"weight_bytes", "constant_bytes", "ram_bytes"}


def test_two_writes_are_the_same_bytes_and_hold_no_place_of_this_machine(tmp_path: Path) -> None:
    model = quantized.write(tmp_path / "model")
    folders = [tmp_path / name for name in ("one", "another")]
    for folder in folders:
        folder.mkdir()
        target.write(C(), model, folder)
    for name in ("model.c", "model.h", "input.json", "target.json"):
        one, other = ((folder / name).read_bytes() for folder in folders)
        assert one == other
        assert str(tmp_path).encode() not in one


def test_fewer_bits_take_fewer_bytes(tmp_path: Path) -> None:
    sizes: list[float] = []
    for bits in (8, 4):
        folder = tmp_path / str(bits)
        model = quantized.write(folder, bits)
        sizes.append(target.write(C(), model, folder).metrics["weight_bytes"])
    assert sizes[1] <= 0.55 * sizes[0]


def test_an_operator_without_integers_is_refused_by_name_with_what_to_do(tmp_path: Path) -> None:
    model = onnx.load(quantized.write(tmp_path / "model"))
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
    model.graph.node.append(helper.make_node("Softmax", ["before"], [output], "answer"))
    onnx.save(model, tmp_path / "soft.onnx")
    with pytest.raises(ModelError, match=r"Softmax.*Allowed in C are"):
        target.write(C(), tmp_path / "soft.onnx", tmp_path)


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.write(C(), quantized.write(tmp_path / "model"), tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ModelError, match=r"needs a C compiler; there is none.*apt-get install gcc"):
        target.predictor(C(), tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler -O1")
    with pytest.raises(ModelError, match=r"CC is 'no-such-compiler -O1', and no such program is here"):
        target.predictor(C(), tmp_path)


def test_without_a_compiler_it_is_judged_by_its_integers_and_not_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = quantized.write(tmp_path / "model"), quantized.pixels(20)
    monkeypatch.setenv("CC", "no-such-compiler")
    target.write(C(), model, tmp_path)
    found = target.predictor(C(), tmp_path, model=model)(images)
    np.testing.assert_array_equal(found, reference.Predictor(model)(images))
    assert not target.is_timed(C())
    assert target.missing(C()) is None, "a run is not refused for it"
    told = target.footprint(C(), tmp_path, images[0].tobytes())
    assert told is not None
    assert told.numbers() == {}
    assert "no such program is here" in told.absent[0]
    assert "judged by the same integers, computed by NumPy" in told.absent[0]


@compiled
@pytest.mark.parametrize(
    ("compiler", "words"),
    [
        ("exit 1", "does not compile the C code: no word why"),
        ("", "cannot be loaded here"),
        ('for each; do case "$each" in *.so) echo 1 > "$each";; esac; done', r"cannot be loaded here .*compiler for"),
        ('exec cc -nostdinc "$@"', r"does not compile the C code: .*stdint\.h"),
        (None, "does not compile the C code: .*Exec format error"),
    ],
    ids=["fails", "writes nothing", "for another machine", "without headers", "no program"],
)
def test_a_compiler_whose_code_does_not_run_here_is_as_none(
    compiler: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = quantized.write(tmp_path / "model"), quantized.pixels(20)
    (tmp_path / "a-cc").write_text("\0\n" if compiler is None else f"#!/bin/sh\n{compiler}\n")
    (tmp_path / "a-cc").chmod(0o755)
    monkeypatch.setenv("CC", str(tmp_path / "a-cc"))
    target.write(C(), model, tmp_path)
    found = target.predictor(C(), tmp_path, model=model)(images)
    np.testing.assert_array_equal(found, reference.Predictor(model)(images))
    assert not target.is_timed(C())
    told = target.footprint(C(), tmp_path, images[0].tobytes())
    assert told is not None
    assert re.search(f"{words}.*apt-get install gcc libc6-dev.*by the same integers", told.absent[0])
    with pytest.raises(ModelError, match=words):
        target.predictor(C(), tmp_path)


@compiled
@pytest.mark.parametrize("name", ["mlp", "ds_cnn"])
def test_rows_and_recordings_are_taken_as_a_data_set_holds_them(name: str, tmp_path: Path) -> None:
    kind = samples.KINDS[name]
    model, given = samples.model(name, tmp_path / "model.onnx"), kind.samples(20, 1)
    target.write(C(), model, tmp_path)
    integers = reference.Predictor(model)
    np.testing.assert_array_equal(target.predictor(C(), tmp_path)(given), integers(given))
    told = target.footprint(C(), tmp_path, given[0].tobytes())
    assert told is not None
    assert told.code_bytes is not None


@compiled
def test_what_a_compiler_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "broken.c").write_text("int broken(void) { return missing; }\n")
    with pytest.raises(ModelError, match=r"does not compile the C code: .*(missing|broken)"):
        c_compiler.loaded([tmp_path / "broken.c"], headers=tmp_path)


@compiled
def test_a_compiler_that_does_not_know_this_processor_builds_without_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "old-cc"
    wrapper.write_text('#!/bin/sh\nfor each; do [ "$each" = -march=native ] && exit 1; done\nexec cc "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    (tmp_path / "three.c").write_text("int three(void);\nint three(void) { return 3; }\n")
    assert c_compiler.loaded([tmp_path / "three.c"], headers=tmp_path).three() == 3
