"""MLflow's pages: from the champion a reviewer clicks to everything that it was made from."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from playwright.sync_api import Page, Route, expect

from pipelines.lineage import markdown, names
from pipelines.state.history import History
from pipelines.state.materialization import Materialization
from tests.browser.served_ui import ServedUi

pytestmark = [pytest.mark.browser, pytest.mark.slow(seconds=60)]

_MODE = "?workflowType=machine_learning"  # a fresh browser would open MLflow in its GenAI mode


def _followed(page: Page, words: str) -> Page:
    """The page that a link in a description leads to; MLflow opens it in a tab of its own."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name=words, exact=True).last.click()
    return opened.value


def test_a_reviewer_clicks_from_the_champion_to_its_run_and_its_data_set(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.mlflow}/#/models/tiny{_MODE}")
    expect(page.get_by_text("is the one in use").first).to_be_visible()
    row = page.get_by_role("row").filter(has_text="champion")
    row.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("is promoted: there is no champion yet").first).to_be_visible()
    for gate in ("onnx_parity", "integer_kernels", "accuracy_drop_int8", "compression_int8"):
        expect(page.get_by_text(gate).first).to_be_visible()

    quantized = _followed(page, "quantized_student/int8")
    expect(quantized.get_by_role("heading", name="quantized_student/int8", exact=True)).to_be_visible()
    student = _followed(quantized, "student/small")
    expect(student.get_by_role("heading", name="student/small", exact=True)).to_be_visible()
    student.get_by_text("Show more").click()  # the lower lines are in view, but faded, and cannot be clicked
    data = _followed(student, "dataset")
    expect(data.get_by_role("heading", name="dataset", exact=True)).to_be_visible()
    expect(data.get_by_text("train_samples").first).to_be_visible()


def test_the_version_leads_to_the_page_of_its_model(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.mlflow}/#/models/tiny/versions/1{_MODE}")
    page.get_by_role("link", name="tiny-quantized_student-int8").first.click()
    expect(page.get_by_role("heading", name="tiny-quantized_student-int8", exact=True)).to_be_visible()
    expect(page.get_by_text("file_bytes").first).to_be_visible()


def test_the_version_leads_to_the_decision_the_measurements_and_the_data_set(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.mlflow}/#/models/tiny/versions/1{_MODE}")
    for words in ("champion", "measurements", "dataset"):
        expect(_followed(page, words).get_by_role("heading", name=words, exact=True)).to_be_visible()


def test_the_page_of_a_run_shows_a_dozen_tags_at_most_and_its_whole_ancestry_at_once(
    page: Page, ui: ServedUi, folder: Path
) -> None:
    for name in ("dataset", "student/small", "measurements", "champion"):
        page.goto(_run_page(ui, folder, name))
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        tags = page.get_by_role("heading", name="Tags", exact=True).locator("..").get_by_role("status")
        expect(tags.filter(has_text="compression.asset")).to_be_visible()
        assert tags.count() <= 12, tags.all_inner_texts()

    page.goto(_run_page(ui, folder, "student/small"))
    shown = page.get_by_test_id("truncation-gradient").locator("..")
    expect(shown.get_by_role("listitem").first).to_contain_text("soft_labels")
    room = shown.bounding_box()
    assert room is not None
    for words in ("soft_labels", "teacher", "dataset", "raw_data"):
        line = shown.get_by_role("listitem").filter(has_text=words).last.bounding_box()
        assert line is not None
        assert line["y"] + line["height"] <= room["y"] + room["height"], f"{words} is cut"
    page.get_by_text("Show more").click()
    expect(page.get_by_text("The first student/small of this recipe here.")).to_be_visible()


def test_marks_in_names_and_values_are_shown_as_they_stand(page: Page, ui: ServedUi) -> None:
    client = MlflowClient(tracking_uri=ui.mlflow)
    value = "a*b*_c_ |<b>d</b>| `e` [f](g) ~~h~~ :smile: @i # 1. $j$"
    link = names.run_link("student/_x_y_", "0", "1")
    text = f"- {link} {markdown.name('control/__z__')}\n- {markdown.code(value)} → {markdown.code('`')}"
    run = client.create_run("0", tags={names.DESCRIPTION: text})
    page.goto(f"{ui.mlflow}/#/experiments/0/runs/{run.info.run_id}{_MODE}")
    items = page.get_by_test_id("note-editor-preview-content").get_by_role("listitem")
    expect(items.first).to_have_text("student/_x_y_ control/__z__")
    expect(items.last).to_have_text(f"{value} → `")


def test_the_experiment_says_what_it_is(page: Page, ui: ServedUi, folder: Path) -> None:
    page.goto(f"{ui.mlflow}/#/experiments/{_entry(folder, 'teacher').experiment_id}/runs{_MODE}")
    expect(
        page.get_by_text("simple_cnn on digits, distilled into small (tiny_cnn), quantized as int8.")
    ).to_be_visible()


def test_one_click_leads_from_the_report_in_dagster_to_its_html_page(page: Page, ui: ServedUi, folder: Path) -> None:
    address = "http://127.0.0.1:5000"  # `compression ui` serves MLflow there; here it is at a free port
    page.context.route(f"{address}/**", lambda route: _forwarded(route, address, ui.mlflow))
    page.goto(f"{ui.dagster}/assets/tiny/benchmark_report")
    with page.expect_popup() as opened:
        page.locator("a", has_text="artifacts/report.html").first.click()
    report = opened.value
    expect(report.get_by_role("heading", name="benchmark_report", exact=True)).to_be_visible()
    inside = report.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="Benchmark report")).to_be_visible()
    expect(inside.get_by_role("cell", name="quantized_student/int8").first).to_be_visible()


def _forwarded(route: Route, served: str, at: str) -> None:
    route.fulfill(response=route.fetch(url=route.request.url.replace(served, at, 1)))


def _entry(folder: Path, name: str) -> Materialization:
    entry = History(folder / "home" / "history").latest("tiny", name)
    assert entry is not None
    return entry


def _run_page(ui: ServedUi, folder: Path, name: str) -> str:
    entry = _entry(folder, name)
    return f"{ui.mlflow}/#/experiments/{entry.experiment_id}/runs/{entry.run_id}{_MODE}"
