"""Dagster's Automation page: what runs by itself, whether it is on, and what a schedule would do now."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served_ui import ServedUi

pytestmark = [pytest.mark.browser, pytest.mark.slow(seconds=60)]


def test_the_page_lists_schedule_and_sensors_switched_on(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.dagster}/automation")
    for name, words in (
        ("nightly_automation", "Automation condition sensor"),
        ("nightly_schedule", "Scheduled At 03:00 AM"),
        ("run_failure", "Run status sensor"),
    ):
        row = page.locator("[data-index]").filter(has=page.get_by_role("link", name=name))
        expect(row).to_contain_text(words)
        expect(row.get_by_role("checkbox").last).to_be_checked()
    for absent in ("tiny_automation", "tiny_schedule", "edited_automation"):
        expect(page.get_by_text(absent)).to_have_count(0)


def test_testing_the_schedule_says_that_there_is_nothing_new(page: Page, ui: ServedUi) -> None:
    page.goto(f"{ui.dagster}/automation")
    page.get_by_role("link", name="nightly_schedule").click()
    expect(page.get_by_text("Europe/Berlin")).to_be_visible()
    expect(page.get_by_text("At 03:00 AM")).to_contain_text("only on Monday")
    page.locator("button").filter(has_text="Preview tick result").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("button").filter(has_text="Continue").click()
    expect(dialog.get_by_text("Skipped").first).to_be_visible()
    expect(dialog.get_by_text("Nothing new: the raw data of nightly are those of digest")).to_be_visible()
