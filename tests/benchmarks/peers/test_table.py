"""The table has a row for every model, and for what failed."""

from benchmarks.peers import table
from benchmarks.peers.environment import ToolError
from benchmarks.peers.handover import Outcome
from benchmarks.peers.measure import Measured
from benchmarks.peers.table import Row
from compression_ops.evaluation.measurements import Cost
from compression_ops.evaluation.statistics import PairedTest

COST = Cost(parameters=100, file_bytes=12_345, weight_bytes=400, macs=7)
FLOAT = Measured(0.5, PairedTest(0, 0, 1.0), COST, (9.0, 8.0, 11.0), False)
MODEL = Measured(0.49, PairedTest(3, 13, 0.0212), COST, (20.0, 10.0, 12.0), False)
INT8 = Outcome("`quantize()`", "8, 8", "int8.onnx", 1.234, None)


def cells(row: Row) -> list[str]:
    last = table.markdown([row]).splitlines()[-1].replace("\\|", "¦")
    assert last.startswith("| ")
    assert last.endswith(" |")
    return [cell.strip() for cell in last.strip("|").split("|")]


def test_a_model_is_told_with_what_it_gained_and_lost_and_its_range_of_latencies() -> None:
    found = cells(Row("peer", INT8, MODEL))
    assert found[:3] == ["peer, `quantize()`", "8, 8", "49.00"]
    assert found[3:] == ["+3, −13", "0.021", "400", "12,345", "12.0 (10.0 to 20.0)", "1.23"]


def test_the_float_student_is_compared_with_nothing() -> None:
    found = cells(Row("float student", None, FLOAT))
    assert found == ["float student", "float", "50.00", "–", "–", "400", "12,345", "9.0 (8.0 to 11.0)", "–"]


def test_what_failed_is_a_row_of_as_many_cells_as_any_other_on_one_line() -> None:
    error = ToolError("could not be run: a | b\nand more")
    for row in (Row("peer", None, error), Row("peer", Outcome("`q()`", "4, 8", None, None, "x"), error)):
        found = cells(row)
        assert len(found) == len(cells(Row("peer", INT8, MODEL)))
        assert found[2] == "**fails**: could not be run: a ¦ b and more"


def test_a_file_whose_weights_are_float_is_told_of() -> None:
    left = Measured(0.5, PairedTest(0, 0, 1.0), COST, (9.0,), True)
    assert cells(Row("peer", INT8, left))[1] == "8, 8; **weights float in the file**"


def test_versions_are_listed_tool_by_tool() -> None:
    assert table.versions({"peer": {"peer": "1.0", "onnx": "2.0"}}) == "- peer: peer 1.0, onnx 2.0"
