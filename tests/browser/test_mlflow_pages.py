"""MLflow's pages: from the champion a reviewer clicks to everything that it was made from."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served_ui import ServedUi

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

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
    data = _followed(student, "dataset")
    expect(data.get_by_role("heading", name="dataset", exact=True)).to_be_visible()
    expect(data.get_by_text("train_samples").first).to_be_visible()


def test_the_version_leads_to_the_page_of_its_model(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.mlflow}/#/models/tiny/versions/1{_MODE}")
    page.get_by_role("link", name="tiny-quantized_student-int8").first.click()
    expect(page.get_by_role("heading", name="tiny-quantized_student-int8", exact=True)).to_be_visible()
    expect(page.get_by_text("file_bytes").first).to_be_visible()


def test_the_version_leads_to_the_decision_the_report_and_the_data_set(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.mlflow}/#/models/tiny/versions/1{_MODE}")
    for words in ("champion", "benchmark_report", "dataset"):
        expect(_followed(page, words).get_by_role("heading", name=words, exact=True)).to_be_visible()
