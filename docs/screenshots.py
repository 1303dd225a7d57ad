"""Takes the pictures of docs/images from the real pages: `python -m docs.screenshots [FOLDER]`.

It runs the recipe `digits` in a scratch folder and serves it with `compression ui`; nothing of yours is touched. A
folder that is named is kept, so that a second call need not train again.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from tests.browser import served_ui
from tests.browser.asset_graph import AssetGraph
from tests.browser.served_ui import ServedUi

_REPOSITORY = Path(__file__).resolve().parent.parent
_IMAGES = _REPOSITORY / "docs" / "images"
_LARGEST, _WIDEST = 120_000, 1400  # bytes, pixels of a picture
_DAGSTERS_MENU, _MLFLOWS_MENU = 240, 197  # pixels at the left, left out
_MODE = "?workflowType=machine_learning"
# No look at the raw files, which would show as a run in progress.
_ON, _OFF = 'automation: {mode: on, observe: "0 0 1 1 *"}', "automation: {mode: off}"
# A digit as a hand draws it, in shares of the pad.
_THREE = (
    (0.32, 0.1),
    (0.5, 0.04),
    (0.66, 0.12),
    (0.68, 0.3),
    (0.5, 0.45),
    (0.68, 0.58),
    (0.7, 0.8),
    (0.52, 0.94),
    (0.3, 0.9),
)
_WITHOUT_OWNERS = """localStorage.setItem('asset-node-facets', '["unsynced-tag","checks","status","kind-tag"]')"""


def main() -> None:
    """In the folder that the command line names, or in one that is removed at the end."""
    if len(sys.argv) > 1:
        _take(Path(sys.argv[1]).resolve())
        return
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        _take(Path(name))


def _take(folder: Path) -> None:
    """Run, serve, look."""
    recipe = _recipe(folder)
    environment = _environment(folder)
    subprocess.run([sys.executable, "-m", "pipelines.cli.main", "run", "digits"], env=environment, check=True)
    ui = ServedUi(environment, folder / "ui.log")
    try:
        with sync_playwright() as playwright:
            browser = served_ui.launch(playwright)
            _report(browser, folder, environment)
            _demo(browser, folder, environment)
            _mlflow(browser, ui)
            _automation(browser, ui)
            _graphs(browser, ui, recipe)
            browser.close()
    finally:
        ui.stop()


def _recipe(folder: Path) -> Path:
    """The recipe `digits`."""
    path = folder / "defs" / "digits" / "defs.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (_REPOSITORY / "pipelines" / "defs" / "digits" / "defs.yaml").read_text()
    path.write_text(text.replace("automation: {mode: on}", _ON))
    return path


def _environment(folder: Path) -> dict[str, str]:
    settings = ("MLFLOW_TRACKING_URI", "COMPRESSION_STORE", "COMPRESSION_STATE", "DAGSTER_HOME")
    settings += ("COMPRESSION_MLFLOW_ADDRESS",)
    places: Mapping[str, str] = {
        "COMPRESSION_HOME": str(folder / "home"),
        "COMPRESSION_DEFS": str(folder / "defs"),
        "PYTHONPATH": str(_REPOSITORY),
    }
    return {name: value for name, value in os.environ.items() if name not in settings} | places


def _report(browser: Browser, folder: Path, environment: Mapping[str, str]) -> None:
    file = folder / "report.html"
    command = [sys.executable, "-m", "pipelines.cli.main", "report", "digits", "--output", str(file)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    page = served_ui.context(browser, 1100, 1350).new_page()
    page.goto(file.as_uri())
    _save(page, "report", menu=0)


def _demo(browser: Browser, folder: Path, environment: Mapping[str, str]) -> None:
    file = folder / "demo.html"
    command = [sys.executable, "-m", "pipelines.cli.main", "demo", "digits", "--output", str(file)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    page = served_ui.context(browser, 860, 720).new_page()
    page.goto(file.as_uri())
    expect(page.locator("#bits")).not_to_have_text("0")  # the model is there
    pad = page.locator("#pad").bounding_box()
    assert pad is not None
    for number, (x, y) in enumerate(_THREE):
        page.mouse.move(pad["x"] + x * pad["width"], pad["y"] + y * pad["height"], steps=8)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator("#time", has_text="s").wait_for()
    _save(page, "demo", menu=0)


def _automation(browser: Browser, ui: ServedUi) -> None:
    page = served_ui.context(browser, 1230, 360).new_page()
    page.goto(f"{ui.dagster}/automation")
    page.get_by_role("link", name="digits_schedule").wait_for()
    _save(page, "automation")


def _mlflow(browser: Browser, ui: ServedUi) -> None:
    page = served_ui.context(browser, 1330, 640).new_page()
    page.goto(f"{ui.mlflow}/#/models/digits/versions/1{_MODE}")
    page.get_by_text("What its gates found").wait_for()
    _save(page, "champion", _MLFLOWS_MENU)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="quantized_student/int8", exact=True).last.click()
    run = opened.value
    run.set_viewport_size({"width": 1330, "height": 900})
    run.get_by_role("heading", name="quantized_student/int8", exact=True).wait_for()
    run.get_by_text("file_bytes").first.wait_for()
    _save(run, "mlflow-run", _MLFLOWS_MENU)


def _graphs(browser: Browser, ui: ServedUi, recipe: Path) -> None:
    window = served_ui.context(browser, 1400, 1180, scale=1.2)
    window.add_init_script(_WITHOUT_OWNERS)
    page = window.new_page()
    graph = AssetGraph(page, ui.dagster, "digits")
    graph.open()
    graph.eventually(graph.nodes, lambda found: "dataset" in found and "Passed" in found["dataset"].text, "the checks")
    _save(page, "dagster-graph")

    # By hand from here on, or the daemon would compute the edit before its picture is taken.
    by_hand = recipe.read_text().replace(_ON, _OFF)
    recipe.write_text(by_hand.replace("temperature: 4.0", "temperature: 2.0"))
    graph.eventually(graph.unsynced, lambda marked: len(marked) == 7, "the affected assets to be marked")
    _save(page, "unsynced")

    recipe.write_text(by_hand + "  gates: {max_latency_us: 10}\n")
    graph.eventually(graph.unsynced, lambda marked: "student/small" not in marked, "the student to be in sync")
    graph.materialize_unsynced()
    page = served_ui.context(browser, 1400, 640).new_page()
    page.goto(f"{ui.dagster}/assets/digits/measurements?view=checks&checkDetail=latency_int8")
    page.get_by_text("so this fails").wait_for()
    _save(page, "failed-check")


def _save(page: Page, name: str, menu: int = _DAGSTERS_MENU) -> None:
    """The page without its menu, in few colours. Raises ValueError for a picture that is too large for the docs."""
    taken = Image.open(io.BytesIO(_still(page, menu))).convert("RGB")
    path = _IMAGES / f"{name}.png"
    taken.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    if taken.width > _WIDEST or path.stat().st_size > _LARGEST:
        raise ValueError(f"{path}: {taken.width} pixels wide, {path.stat().st_size} bytes")
    print(f"{path.relative_to(_REPOSITORY)}: {taken.width} × {taken.height}, {path.stat().st_size} bytes")


def _still(page: Page, menu: int) -> bytes:
    """A screenshot on which nothing moves any more; of a page that counts seconds, the last one."""
    size = page.viewport_size
    assert size is not None
    clip: FloatRect = {"x": menu, "y": 0, "width": size["width"] - menu, "height": size["height"]}
    last, taken, looks = b"", page.screenshot(clip=clip, animations="disabled"), 0
    while taken != last and looks < 10:
        page.wait_for_timeout(1500)
        last, taken, looks = taken, page.screenshot(clip=clip, animations="disabled"), looks + 1
    return taken


if __name__ == "__main__":
    main()
