"""Rows, texts and recordings: the C code computes the reference's integers, and nearly onnxruntime's logits."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest

from compression_ops import target
from compression_ops.c_code import reference, source
from compression_ops.c_code.building import Building
from compression_ops.c_code.inputs import table
from compression_ops.c_code.inputs.taken import FILE, MISSING, Integers
from compression_ops.errors import ModelError
from compression_ops.onnx_model import session
from compression_ops.quantization.precision import Precision
from compression_ops.targets.c import C
from tests.compression_ops.c_code import compiled, samples

SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover")
EIGHT, FOUR, OLD = Precision(), Precision(weight_bits=4, activation_bits=6), Precision(opset=15)


@pytest.mark.compiler
@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, EIGHT) for name in samples.KINDS), ("padded", FOUR), ("embedding_bag", OLD), ("mlp", OLD)],
    ids=[*samples.KINDS, "in fewer bits", "a mean in an old opset", "rows in an old opset"],
)
def test_c_computes_the_references_integers_and_nearly_the_sessions_logits(
    name: str, precision: Precision, tmp_path: Path
) -> None:
    kind = samples.KINDS[name]
    file = samples.model(name, tmp_path / "model.onnx", precision)
    source.write(file, tmp_path)
    predictor, given = reference.Predictor(file), kind.samples(200, 1)
    expected = predictor(given)
    program = compiled.build(tmp_path, flags=SANITIZED)
    logits, classes = compiled.run(program, predictor.program.taken.integers.of(given))
    np.testing.assert_array_equal(logits, expected)
    np.testing.assert_array_equal(classes, expected.argmax(axis=1))
    theirs = session.predict(session.open_session(file), given)
    error = np.abs(expected / 2.0**predictor.fraction_bits - theirs).max(axis=1) / np.ptp(theirs)
    assert np.median(error) < 0.002
    assert error.max() < 0.05


def test_ids_that_there_are_not_are_answered_as_onnxruntime_answers_them(tmp_path: Path) -> None:
    file = samples.model("text_cnn", tmp_path / "model.onnx")
    predictor, given = reference.Predictor(file), samples.ids(3, 2)
    given[:, 0] = -5, samples.IDS, 2**40
    theirs = session.predict(session.open_session(file), given)
    np.testing.assert_allclose(predictor(given) / 2.0**predictor.fraction_bits, theirs, atol=0.01 * np.ptp(theirs))


def test_the_header_of_a_table_says_how_numbers_become_integers(tmp_path: Path) -> None:
    file = samples.model("mlp", tmp_path / "model.onnx")
    header = source.write(file, tmp_path).header.read_text()
    told = re.search(r"#define MODEL_FRACTION_BITS \{(.*)\}\n", header)
    assert told is not None
    bits = [int(each) for each in told[1].split(", ")]
    assert f'  0  "a": a number, bits {bits[0]}\n' in header
    assert '  1  "b \\u002f* b": a category, 1 "x", 2 "y", 3 "z"\n' in header
    assert '  3  "d": is not looked at\n' in header
    assert "#define MODEL_INPUTS 4\n" in header
    assert "void model_predict(const int32_t *values, int32_t *logits);" in header
    # No coarser than float32 is at the mean.
    assert 2.0 ** -bits[2] <= np.spacing(np.float32(3e6))
    row = np.array([[1.3, 2, 3e6, 0], [np.nan, 3, -1e30, 0]], np.float32)
    found = reference.Predictor(file).program.taken.integers.of(row)
    numbers = [[round(float(row[0, 0]) * 2 ** bits[0]), 2, 3_000_000 * 2 ** bits[2], 0], [MISSING, 3, MISSING + 1, 0]]
    assert found.tolist() == numbers


@pytest.mark.parametrize("name", ["mlp", "text_cnn"])
def test_columns_categories_and_words_are_told_to_whoever_calls_the_c_code(name: str, tmp_path: Path) -> None:
    file = samples.model(name, tmp_path / "model.onnx")
    (tmp_path / "c").mkdir()
    target.write(C(), file, tmp_path / "c")
    told = json.loads((tmp_path / "c" / FILE).read_text())["modality"]
    (said,) = (each.value for each in onnx.load(file).metadata_props if each.key == "compression.modality")
    assert told == json.loads(said)
    assert told["columns" if name == "mlp" else "size"]


def test_what_the_c_code_takes_is_read_as_it_was_written(tmp_path: Path) -> None:
    integers = Integers("float32", "int32", (3, -2))
    integers.write(tmp_path)
    assert Integers.read(tmp_path) == integers
    assert json.loads((tmp_path / FILE).read_text())["fraction_bits"] == [3, -2]
    np.testing.assert_array_equal(integers.of(np.array([[0.5, 10]], np.float32)), [[4, 2]])


def test_fewer_bits_of_a_table_take_fewer_bytes(tmp_path: Path) -> None:
    sizes = [
        source.write(
            samples.model("padded", tmp_path / "model.onnx", Precision(weight_bits=bits)), tmp_path
        ).weight_bytes
        for bits in (8, 4)
    ]
    assert sizes[1] < 0.6 * sizes[0]


def test_a_model_that_normalizes_otherwise_is_refused(tmp_path: Path) -> None:
    file = samples.model("mlp", tmp_path / "model.onnx")
    model = onnx.load(file)
    next(node for node in model.graph.node if node.op_type == "Sub").op_type = "Add"
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"begins with Constant, Gather, .*; allowed is what rows are normalized by"):
        source.write(file, tmp_path)


def test_ids_that_no_row_has_and_rows_that_are_not_turned_are_refused(tmp_path: Path) -> None:
    file = samples.model("text_cnn", tmp_path / "model.onnx")
    model = onnx.load(file)
    without = onnx.ModelProto()
    without.CopyFrom(model)
    for node in without.graph.node:
        if node.op_type == "Clip":
            node.op_type = "Identity"
            del node.input[1:]
    onnx.save(without, file)
    with pytest.raises(ModelError, match=r"\(Identity\) computes with the ids of words"):
        source.write(file, tmp_path)
    turn = next(node for node in model.graph.node if node.op_type == "Transpose")
    turn.op_type = "Identity"
    del turn.attribute[:]
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"\(Conv .*takes rows that are not transposed.*targets onnx, ort_mobile"):
        source.write(file, tmp_path)


def test_rows_that_are_joined_along_their_words_are_refused(tmp_path: Path) -> None:
    file = samples.model("beside", tmp_path / "model.onnx")
    model = onnx.load(file)
    join = next(node for node in model.graph.node if node.op_type == "Concat")
    for axis in (1, -2):
        join.attribute[0].i = axis
        onnx.save(model, file)
        with pytest.raises(ModelError, match=r"\(Concat\) joins what are no channels"):
            source.write(file, tmp_path)
    join.attribute[0].i = -1
    onnx.save(model, file)
    source.write(file, tmp_path)


def test_a_row_in_two_fixed_points_is_refused(tmp_path: Path) -> None:
    building = Building("model.onnx", samples.ROWS, {}, {})
    pending = table.begin(building)
    pending.finish(0.02, 128)
    pending.finish(0.02, 128)
    with pytest.raises(ModelError, match="the columns are quantized in two scales"):
        pending.finish(0.5, 128)


def test_samples_of_another_type_are_refused(tmp_path: Path) -> None:
    predictor = reference.Predictor(samples.model("mlp", tmp_path / "model.onnx"))
    with pytest.raises(ValueError, match=r"rows are float64 \[2, 4\]; allowed are float32 \[N, 4\]"):
        predictor(np.zeros((2, 4)))
