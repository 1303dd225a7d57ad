"""Debian's Chromium, to look at what `compression ui` serves."""

import shutil

from playwright.sync_api import Browser, BrowserContext, Playwright

from tests.pipelines.served_ui import ServedUi

__all__ = ["ServedUi", "context", "launch"]

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What a user chooses once in the pages' own settings: a graph from top to bottom with owners and checks on its nodes,
# and no assistant beside MLflow's pages.
_PREFERENCES = """
localStorage.setItem('asset-graph-direction', '"vertical"');
localStorage.setItem('asset-node-facets', '["unsynced-tag","checks","status","kind-tag","owner"]');
localStorage.setItem('large-screen-nav-open', 'false');
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


def launch(playwright: Playwright, *more: str) -> Browser:
    """Chromium without a window, with these flags more. Raises FileNotFoundError that says how to install it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise FileNotFoundError(
            "Chromium, which the browser tests drive, is not installed\n"
            "  apt-get update && apt-get install -y --no-install-recommends chromium"
        )
    return playwright.chromium.launch(executable_path=chromium, args=[*_FLAGS, *more])


def context(browser: Browser, width: int, height: int, scale: float = 1.0) -> BrowserContext:
    """A window of its own with the preferences of a user who likes to see everything."""
    opened = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    opened.add_init_script(_PREFERENCES)
    opened.set_default_timeout(90_000)  # milliseconds; the machine may be busy with other tests
    return opened
