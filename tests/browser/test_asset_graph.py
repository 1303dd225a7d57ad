"""Dagster's asset graph: what it shows of a recipe, what an edit marks in it, and why a check failed."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipelines.kinds import kind
from pipelines.state.history import History
from tests.browser.asset_graph import AssetGraph
from tests.browser.served_ui import ServedUi
from tests.pipelines import product

pytestmark = [pytest.mark.browser, pytest.mark.slow(seconds=60)]

_KINDS = {
    "raw_data": {"File"},
    "dataset": {"Dataset"},
    "teacher": {"PyTorch", "teacher"},
    "soft_labels": {"PyTorch"},
    "student/small": {"PyTorch", "student"},
    "control/small": {"PyTorch", "control"},
    "quantized_student/int8": {"onnx", "quantized"},
    "measurements": {"onnx", "measured"},
    "benchmark_report": {"pandas", "Report"},
    "champion": {"onnx", "ML Flow"},
}
_CHECKS = {"dataset": 4, "teacher": 1, "student/small": 1, "quantized_student/int8": 2, "measurements": 3}
_NOWHERE = set[str]()


@pytest.mark.parametrize("graph", ["tiny"], indirect=True)
def test_the_graph_shows_every_asset_of_the_recipe_with_its_kinds_owners_and_checks(graph: AssetGraph) -> None:
    nodes = graph.eventually(
        graph.nodes, lambda found: sum("Passed" in node.text for node in found.values()) == len(_CHECKS), "the checks"
    )
    assert {name: set(node.kinds) for name, node in nodes.items()} == _KINDS
    computed = set(_KINDS) - {"raw_data"}
    assert {name for name, node in nodes.items() if "2 owners" in node.text} >= computed
    assert {name for name, node in nodes.items() if "Materialized" in node.text} == computed
    assert {name for name, node in nodes.items() if "Passed" in node.text} == set(_CHECKS)
    for name, number in _CHECKS.items():
        assert f" / {number} Passed" in nodes[name].text
    assert "4 / 4 Passed" in nodes["dataset"].text, "scikit-learn's digits are sound"
    assert graph.unsynced() == _NOWHERE, "what the command line ran is in sync"


@pytest.mark.parametrize("name", ["teacher", "student/small", "champion"])
def test_the_page_of_an_asset_says_what_it_is_whose_it_is_and_what_came_out(
    page: Page, ui: ServedUi, name: str
) -> None:
    page.goto(f"{ui.dagster}/assets/tiny/{name.replace('/', '_')}")
    expect(page.get_by_text(kind.named(name.partition("/")[0]).description)).to_be_visible()
    for shown in ("tiny", "vision", "ada@example.org", "mlflow_run"):
        expect(page.get_by_text(shown, exact=True).first).to_be_visible()
    number = "test_accuracy" if name == "champion" else "validation_accuracy"
    expect(page.get_by_text(number, exact=False).first).to_be_visible()


@pytest.mark.parametrize("graph", ["edited"], indirect=True)
def test_an_edit_marks_exactly_what_it_affects_and_materialize_unsynced_computes_exactly_that_in_one_run(
    graph: AssetGraph, folder: Path
) -> None:
    affected = {"student/small", "quantized_student/int8", "measurements", "benchmark_report", "champion"}
    product.edit(folder / "defs" / "edited" / "defs.yaml", "temperature: 4.0", "temperature: 2.0")
    graph.eventually(graph.unsynced, lambda marked: marked == affected, f"{affected} to be marked")
    history = History(folder / "home" / "history")
    before = {name: len(list(history.of_asset("edited", name))) for name in _KINDS}
    run = graph.materialize_unsynced()
    assert run.status == "SUCCESS"
    assert run.assets == affected
    assert {name for name in _KINDS if len(list(history.of_asset("edited", name))) > before[name]} == affected
    graph.eventually(graph.unsynced, lambda marked: marked == _NOWHERE, "everything to be in sync")


@pytest.mark.parametrize("graph", ["strict"], indirect=True)
def test_a_failed_check_says_why_with_its_numbers(graph: AssetGraph, folder: Path, page: Page, ui: ServedUi) -> None:
    file = folder / "defs" / "strict" / "defs.yaml"
    file.write_text(file.read_text() + "  gates: {min_teacher_accuracy: 0.9999}\n")
    graph.eventually(graph.unsynced, lambda marked: marked == {"teacher"}, "the teacher to be marked")
    run = graph.materialize_unsynced()
    assert run.assets == {"teacher"}
    assert run.status == "FAILURE", "a check that blocks stops the run"
    entry = History(folder / "home" / "history").latest("strict", "teacher")
    assert entry is not None
    found = entry.metrics["validation_accuracy"]

    page.goto(f"{ui.dagster}/assets/strict/teacher?view=checks")
    page.get_by_text("accuracy_floor").first.click()
    expect(page.get_by_text("The teacher is good enough to be learned from.")).to_be_visible()
    expect(page.get_by_text("This is a blocking asset check.")).to_be_visible()
    words = page.get_by_text(f"The validation accuracy is {found:.4g}")
    expect(words).to_contain_text("at least 0.9999 (gates.min_teacher_accuracy) is asked, so this fails.")
    expect(page.get_by_text("Failed").first).to_be_visible()
    for name, number in (("found", f"{found:g}"), ("threshold", "0.9999")):
        expect(page.locator("tr").filter(has_text=name).first).to_contain_text(number)
