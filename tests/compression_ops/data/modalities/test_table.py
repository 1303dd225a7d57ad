"""Rows of a table: normalized as scikit-learn does it, and by ONNX and NumPy as by torch, bit for bit."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from compression_ops.data import dataset
from compression_ops.data.dataset import Description
from compression_ops.data.modalities.table import Table
from compression_ops.errors import DataError
from compression_ops.onnx_model import metadata, raw_samples

NAN = np.nan
COLUMNS = ("age", "plan", "height", "city")
SOURCE = Table(COLUMNS, (None, ("basic", "max", "pro"), None, ("graz", "linz", "wien")))
# Row 4 holds a plan and a city that no other does.
VALUES = np.array(
    [[34, 1, 1.7, 1], [NAN, 3, 1.5, 2], [61, 0, 1.9, 2], [18, 3, NAN, 1], [40, 2, 1e6, 3]], np.float32
)  # fmt: skip
TRAINING = np.arange(4)


def fitted(values: NDArray[np.float32] = VALUES, source: Table = SOURCE) -> tuple[Description, NDArray[np.float32]]:
    """What the first four rows say of the table, and all rows as they are stored."""
    table = source.fitted(values, TRAINING)
    stored = table.encoded(values)
    mean, std, _ = table.statistics(stored[TRAINING], "train")
    return Description(("a", "b"), (values.shape[1],), mean, std, table), stored


def test_the_input_is_that_of_scikit_learns_scaler_and_encoder() -> None:
    description, stored = fitted()
    numbers = StandardScaler().fit(VALUES[TRAINING][:, [0, 2]].astype(np.float64)).transform(VALUES[:, [0, 2]])
    names = [["basic", "graz"], ["pro", "linz"], [None, "linz"], ["pro", "graz"], ["max", "wien"]]
    encoder = OneHotEncoder(categories=[["basic", "pro"], ["graz", "linz"]], handle_unknown="ignore")
    marks = encoder.fit([["basic", "graz"], ["pro", "linz"]]).transform(np.array(names, object)).toarray()
    expected = np.concatenate([np.nan_to_num(numbers), marks], axis=1)
    found = dataset.normalize(torch.from_numpy(stored), description)
    assert found.dtype == torch.float32
    assert description.input_shape == found.shape[1:] == (6,)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-6)


def network(features: int, opset: int) -> onnx.ModelProto:
    """One that answers with its input."""
    taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", features]) for name in ("input", "logits")
    )
    graph = helper.make_graph([helper.make_node("Identity", ["input"], ["logits"])], "same", [taken], [given])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def by_onnx(values: NDArray[np.float32], description: Description, opset: int = 18) -> NDArray[np.float32]:
    model = raw_samples.normalizing(network(description.input_shape[0], opset), description)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"values": values})[0])


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_onnx_and_numpy_compute_what_torch_does_to_the_bit(opset: int) -> None:
    description, stored = fitted()
    # Codes that no model has, and a missing one, are other categories.
    strange = np.array([[1, 7, -0.0, NAN], [NAN, 1.5, 3e29, -1]], np.float32)
    values = np.concatenate([stored, strange])
    expected = dataset.normalize(torch.from_numpy(values), description).numpy()
    assert np.isfinite(expected).all()
    assert not expected[-2:, 2:].any()
    np.testing.assert_array_equal(by_onnx(values, description, opset), expected)
    np.testing.assert_array_equal(raw_samples.normalize(values, description), expected)


@pytest.mark.parametrize("kept", [[0, 2], [1, 3]], ids=["numbers", "categories"])
def test_a_table_may_hold_one_kind_alone(kept: list[int]) -> None:
    source = Table(tuple(COLUMNS[i] for i in kept), tuple(SOURCE.categories[i] for i in kept))
    description, stored = fitted(VALUES[:, kept], source)
    expected = dataset.normalize(torch.from_numpy(stored), description).numpy()
    np.testing.assert_array_equal(by_onnx(stored, description), expected)
    np.testing.assert_array_equal(raw_samples.normalize(stored, description), expected)


_NUMBERS = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False) | st.just(NAN)


@settings(max_examples=50, deadline=None)
@given(st.lists(_NUMBERS, min_size=3, max_size=20).filter(lambda found: len({x for x in found if x == x}) > 1))
def test_means_and_deviations_are_rounded_once(column: list[float]) -> None:
    table = Table(("x",), (None,))
    (mean,), (deviation,), _ = table.statistics(np.array(column, np.float32)[:, None], "train")
    stated = [Fraction(value) for value in column if value == value]
    exact = sum(stated) / len(stated)
    variance = sum((value - exact) ** 2 for value in stated) / len(stated)
    spread = float(max(stated) - min(stated))
    assert mean == pytest.approx(float(exact), rel=1e-15, abs=1e-15 * spread)
    assert deviation == pytest.approx(max(float(variance) ** 0.5, 2.0**-126), rel=1e-7)


def test_columns_that_say_nothing_in_training_are_named_and_never_looked_at() -> None:
    source = Table(("age", "fee", "empty", "plan", "none"), (None, None, None, ("a", "b"), ("c",)))
    values = np.array([[1, 5, NAN, 1, 0], [2, 5, NAN, 1, 0], [4, 5, NAN, 1, 0], [5, NAN, NAN, 0, 0]], np.float32)
    other = np.array([[1, -900, 70, 1, 1]], np.float32)
    table = source.fitted(values, TRAINING)
    assert table.categories == (None, (), (), ("a",), ())
    mean, std, warnings = table.statistics(table.encoded(values), "train")
    assert [warning.split("'")[1] for warning in warnings] == ["fee", "empty", "plan", "none"]
    assert ["same value" in warnings[0], *("no value in any row" in warnings[i] for i in (1, 3))] == [True] * 3
    description = Description(("a", "b"), (5,), mean, std, table)
    stored = torch.from_numpy(table.encoded(np.concatenate([values, other])))
    found = dataset.normalize(stored, description)
    assert description.input_shape == found.shape[1:] == (2,)
    assert torch.equal(found[-1], found[0])
    assert table.described((5,)) == "rows of 1 numbers and 1 categories (3 more column(s) say nothing)"
    metadata.describe(model := network(2, 18), description)
    assert metadata.read(model).description == description


def test_a_table_that_says_nothing_at_all_is_refused() -> None:
    source = Table(("fee", "plan"), (None, ("a",)))
    table = source.fitted(np.ones((4, 2), np.float32), TRAINING)
    with pytest.raises(DataError, match="every column has one value"):
        table.statistics(np.ones((4, 2), np.float32), "train")


def test_a_digest_follows_names_and_numbers_and_no_other_row() -> None:
    whole = SOURCE.digests(VALUES)
    assert len({*whole}) == 5
    fewer = Table(COLUMNS, (None, ("basic", "pro"), None, ("linz", "wien")))
    coded = np.array([[NAN, 2, 1.5, 1], [40, 0, 1e6, 2]], np.float32)
    assert fewer.digests(coded)[0] == whole[1]
    assert fewer.digests(coded)[1] != whole[4]
    zeros = Table(("x",), (None,)).digests(np.array([[0.0], [-0.0], [NAN], [-NAN]], np.float32))
    assert zeros[0] == zeros[1] != zeros[2] == zeros[3]


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    description, _ = fitted()
    dataset.save_description(tmp_path, description)
    assert dataset.load_description(tmp_path) == description
    assert dataclasses.asdict(description.modality).keys() - description.modality.fields().keys() == {"source"}


def test_a_model_is_asked_in_its_own_order_and_codes() -> None:
    theirs = Table(("city", "age", "plan", "height"), (("linz", "wels", "wien"), None, ("pro",), None))
    expected = [[0, 34, 0, 1.7], [1, NAN, 1, 1.5], [1, 61, 0, 1.9], [0, 18, 1, NAN], [3, 40, 0, 1e6]]
    np.testing.assert_array_equal(SOURCE.translated(VALUES, theirs), np.array(expected, np.float32))
    assert SOURCE.translated(VALUES, SOURCE) is VALUES
    assert theirs.unlike(SOURCE) is None


def test_a_model_of_other_columns_cannot_be_asked() -> None:
    words = Table((*COLUMNS[:3], "town"), SOURCE.categories).unlike(SOURCE)
    assert words == "its columns and the data set's differ in 'city', 'town'"
    words = Table(COLUMNS, (None, None, *SOURCE.categories[2:])).unlike(SOURCE)
    assert words is not None
    assert "'plan' is of numbers" in words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([np.inf, 1, 2, 1], "column 'age': 1 value(s) cannot be, first inf in row 1; allowed are numbers from -1e+30"),
        ([1, 1, -2e30, 1], "column 'height'"),
        ([1, 4, 2, 1], "column 'plan': 1 value(s) cannot be, first 4.0 in row 1; allowed are the codes 0 to 3"),
        ([1, NAN, 2, 1], "allowed are the codes"),
        ([1, 1.5, 2, 1], "allowed are the codes"),
    ],
)
def test_values_that_cannot_be_are_named(row: list[float], words: str) -> None:
    with pytest.raises(DataError) as caught:
        SOURCE.require_sound("train", np.array([VALUES[0], row], np.float32))
    assert words in str(caught.value)


@pytest.mark.parametrize("values", [VALUES.astype(np.float64), VALUES[0], VALUES[:, :0]])
def test_arrays_of_another_kind_are_refused(values: np.ndarray) -> None:
    with pytest.raises(DataError, match="rows"):
        SOURCE.require_sound("train", values)


def test_a_row_is_shown_by_the_names_of_columns_and_categories() -> None:
    table = Table(("age", "plan", "fee", "height"), (None, ("basic", "pro"), (), None))
    rows = np.array([[34, 2, 7, NAN], [0.1, 0, NAN, 1234567]], np.float32)
    words = [table.shown(row) for row in rows]
    assert words == ["age 34, plan pro, height missing", "age 0.1, plan unknown, height 1234567"]
    wide = Table(tuple(map(str, range(9))), (None,) * 9)
    assert wide.shown(np.ones(9, np.float32)) == "0 1, 1 1, 2 1, 3 1, 4 1, 5 1, 6 1, 7 1, …"
    assert wide.shown(np.full(9, NAN, np.float32)).count("missing") == 8


def psi(previous: list[float], current: list[float]) -> float:
    """Siddiqi 2006, of shares; none counts as less than 0.0001."""
    pairs = [(max(p, 1e-4), max(q, 1e-4)) for p, q in zip(previous, current, strict=True)]
    return sum((q - p) * np.log(q / p) for p, q in pairs)


def test_drift_is_that_of_the_column_that_moved_most_by_deciles_and_by_names() -> None:
    before = np.stack([np.arange(1, 101), np.repeat([1, 2], 50)], axis=1).astype(np.float32)
    after = np.stack([np.where(np.arange(100) < 50, np.arange(1, 101), NAN), np.repeat([0, 1], [25, 75])], axis=1)
    former = Table(("x", "plan"), (None, ("basic", "pro")))
    now = Table(("x", "plan", "new"), (None, ("pro",), None))
    found = now.drifts(before, np.concatenate([after, after[:, :1]], axis=1).astype(np.float32), former)
    assert found.keys() == {"column 'x'", "column 'plan'", "column 'new'"}
    assert found["column 'x'"] == pytest.approx(psi([0.1] * 10 + [0], [0.1] * 5 + [0] * 5 + [0.5]))
    assert found["column 'plan'"] == pytest.approx(psi([0.5, 0.5, 0], [0, 0.75, 0.25]))
    assert former.drift(before, before, former) == 0


def test_a_column_that_became_one_of_categories_has_moved_altogether() -> None:
    numbers, names = Table(("x",), (None,)), Table(("x",), (("a", "b"),))
    values = np.array([[1], [2], [1]], np.float32)
    assert names.drift(values, values, numbers) == pytest.approx(psi([1, 0], [0, 1]))


def test_a_column_that_only_one_table_has_has_moved_altogether() -> None:
    former, now = Table(("age", "plan"), (None, ("a", "b"))), Table(("AGE", "plan"), (None, ("a", "b")))
    values = np.array([[1, 1], [2, 2], [1, 0]], np.float32)
    whole = psi([1, 0], [0, 1])
    expected = {"column 'AGE'": whole, "column 'plan'": 0.0, "column 'age'": whole}
    assert now.drifts(values, values, former) == pytest.approx(expected)
    assert now.drift(values, values, former) == pytest.approx(whole)
    fewer = Table(("plan",), (("a", "b"),))
    assert fewer.drift(values, values[:, 1:], former) == pytest.approx(whole)
