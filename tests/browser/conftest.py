"""One start of both UIs for all browser tests, and a page for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import served_ui
from tests.browser.asset_graph import AssetGraph
from tests.browser.served_ui import ServedUi
from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes

_SETTINGS = (
    "MLFLOW_TRACKING_URI",
    "COMPRESSION_STORE",
    "COMPRESSION_STATE",
    "DAGSTER_HOME",
    "COMPRESSION_MLFLOW_ADDRESS",
    "COMPRESSION_NOTIFY",
)
_OFF = "automation: {mode: off}"
# Each test edits a recipe of its own. They differ in nothing that is computed, so only the first one trains.
_RECIPES = {
    "tiny": f'{_OFF}\n  owners: ["team:vision", "ada@example.org"]',
    "edited": _OFF,
    "strict": _OFF,
    "nightly": 'automation: {mode: on, observe: "0 0 1 1 *"}\n  schedule: {cron: "0 3 * * 1", timezone: Europe/Berlin}',
}


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recipes (`defs`) that have been run in a home beside them (`home`)."""
    made = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        for name in _SETTINGS:
            patch.delenv(name, raising=False)
        patch.setenv("COMPRESSION_HOME", str(made / "home"))
        patch.setenv("COMPRESSION_DEFS", str(made / "defs"))
        for name, settings in _RECIPES.items():
            recipes.write(made / "defs", name, recipes.edited((_OFF, settings)))
            product.run(name)
    return made


@pytest.fixture(scope="package")
def ui(folder: Path) -> Iterator[ServedUi]:
    """Both servers on the recipes that have been run."""
    environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS} | {
        "COMPRESSION_HOME": str(folder / "home"),
        "COMPRESSION_DEFS": str(folder / "defs"),
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
        "TZ": "UTC",
    }
    served = ServedUi(environment, folder / "ui.log")
    yield served
    served.stop()


@pytest.fixture(scope="package")
def browser(ui: ServedUi) -> Iterator[Browser]:
    """Chromium; started after everything that this process computes, since Playwright keeps an event loop running."""
    expect.set_options(timeout=90_000)
    with sync_playwright() as playwright:
        started = served_ui.launch(playwright)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a window as high as a whole graph: Dagster draws only the nodes that are in view."""
    window = served_ui.context(browser, 1600, 2000)
    yield window.new_page()
    window.close()


@pytest.fixture
def graph(page: Page, ui: ServedUi, request: pytest.FixtureRequest) -> AssetGraph:
    """The open graph of the recipe that the test names."""
    opened = AssetGraph(page, ui.dagster, request.param)
    opened.open()
    return opened
