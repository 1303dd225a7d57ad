"""The page of a model in a real browser: the reference's logits on Pillow's pixels, and nothing asked of anybody."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from compression_ops.c_code.reference import Predictor
from compression_ops.data.formats.image_file import decode
from compression_ops.wasm import page
from tests.browser import served_ui
from tests.compression_ops.wasm import models
from tests.compression_ops.wasm.opened import Opened

pytestmark = [pytest.mark.browser, pytest.mark.wasm, pytest.mark.slow]
SEVEN = ((0.25, 0.2), (0.75, 0.2), (0.45, 0.85))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two models, `grey` and `colour`, and their pages; made before Playwright's event loop runs."""
    made = tmp_path_factory.mktemp("pages")
    for name, shape, classes in (("grey", models.GREY, 10), ("colour", models.COLOUR, 14)):
        (made / name).mkdir()
        written = page.write(models.model(made / name, shape, classes), name, "Champion, version 1.")
        (made / name / "demo.html").write_text(written.text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # A camera that shows a clock, and a user who allows it.
        started = served_ui.launch(playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
        yield started
        started.close()


@pytest.fixture
def grey(browser: Browser, folder: Path) -> Iterator[Opened]:
    opened = Opened(browser, folder / "grey" / "demo.html")
    yield opened
    assert opened.requests == [(folder / "grey" / "demo.html").as_uri()]
    opened.close()


def png(pixels: np.ndarray, mode: str | None = None, kind: str = "png") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels, mode).save(stream, kind)
    return stream.getvalue()


def test_the_logits_of_fifty_dropped_images_are_the_references(grey: Opened, folder: Path) -> None:
    images, predictor = models.digits(50), Predictor(folder / "grey" / "model.onnx")
    expected = predictor(images)
    for number, image in enumerate(images):
        grey.drop(f"digit{number}.png", png(image))
        told = grey.told(f"digit{number}.png")
        assert "28 × 28 pixels, grey, resized to 28 × 28, not inverted" in told
        np.testing.assert_array_equal(grey.seen(1)[0], image)
        np.testing.assert_array_equal(grey.logits(), expected[number])
        expect(grey.page.locator("#answer")).to_have_text(f"class {expected[number].argmax()}")
    powers = np.exp((expected[-1] - expected[-1].max()) / 2.0**predictor.fraction_bits)
    shown = [float(text.split()[0]) for text in grey.page.locator(".bar > :last-child").all_inner_texts()]
    np.testing.assert_allclose(shown, 100 * powers / powers.sum(), atol=0.051)
    assert grey.page.locator("#bits").text_content() == str(predictor.fraction_bits)
    assert re.fullmatch(r"[\d.]+ (µs|ms)", grey.page.locator("#time").inner_text())


@pytest.mark.parametrize("size", [(301, 200), (57, 75), (28, 40), (5, 9), (1, 1), (57, 140)])
@pytest.mark.parametrize("name", ["grey", "colour"])
def test_a_picture_of_any_size_becomes_the_pixels_that_predict_takes(
    name: str, size: tuple[int, int], browser: Browser, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(png(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)))
    opened = Opened(browser, folder / name / "demo.html")
    opened.page.locator("#file").set_input_files(file)
    assert f"{size[0]} × {size[1]} pixels" in opened.told("photo.png")
    channels: Literal[1, 3] = 1 if name == "grey" else 3
    expected = decode(file, models.GREY[1] if name == "grey" else models.COLOUR[1], channels)
    assert expected is not None
    seen = opened.seen(channels)
    # From version 13 on Pillow resizes the height first where that is reduced much more, and rounds in that order.
    assert np.abs(seen.astype(int) - expected.pixels).max() <= (size[1] > 2 * size[0])
    np.testing.assert_array_equal(opened.logits(), Predictor(folder / name / "model.onnx")(seen[None])[0])
    assert opened.page.locator(".bar").count() == 10  # of 14 classes the most probable ones
    opened.close()


def test_a_photo_is_turned_upright_and_transparency_lies_over_white(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (6, 9, 4), np.uint8).repeat(20, axis=0).repeat(20, axis=1)
    turned, clear = tmp_path / "turned.jpg", tmp_path / "clear.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(coarse[:, :, :3]).save(turned, exif=exif, quality=95)
    Image.fromarray(coarse).save(clear)
    opened = Opened(browser, folder / "colour" / "demo.html")
    for file, size in ((turned, "120 × 180"), (clear, "180 × 120")):
        opened.page.locator("#file").set_input_files(file)
        assert f"{size} pixels, its middle 120 × 120 cut out" in opened.told(file.name)
        expected = decode(file, models.COLOUR[1], 3)
        assert expected is not None
        # Browsers round what they decode and blend in their own way.
        assert np.abs(opened.seen(3).astype(int) - expected.pixels).max() <= 3, file.name
    opened.close()


def test_a_drawn_stroke_changes_the_answer(grey: Opened, folder: Path) -> None:
    expect(grey.page.locator("#answer")).to_have_text("–")
    grey.draw(*SEVEN)
    seven, logits = grey.seen(1)[0], grey.logits()
    np.testing.assert_array_equal(logits, Predictor(folder / "grey" / "model.onnx")(seven[None])[0])
    grey.draw((0.3, 0.5), (0.7, 0.5))
    assert (grey.logits() != logits).any()
    grey.page.get_by_role("button", name="Clear").click()
    expect(grey.page.locator("#answer")).to_have_text("–")
    assert grey.seen(1).max() == 0


def test_a_drawing_is_placed_as_mnists_digits_are_or_left_as_it_is(grey: Opened) -> None:
    small = [(0.05 + x / 4, 0.6 + y / 4) for x, y in SEVEN]
    grey.draw(*small)
    fitted = grey.seen(1)[0].astype(float)
    rows, columns = np.nonzero(fitted > 20)
    assert 19 <= np.ptp(rows) + 1 <= 21
    centre = [(fitted.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / fitted.sum() for axis in (0, 1)]
    np.testing.assert_allclose(centre, 14, atol=0.3)
    assert fitted.max() > 200
    grey.page.get_by_label("Fit a drawing").uncheck()
    rows, columns = np.nonzero(grey.seen(1)[0] > 20)
    assert np.ptp(rows) + 1 < 10
    assert rows.min() > 14
    assert columns.max() < 14


def test_a_picture_with_the_wrong_ground_is_noticed_and_inverted_on_demand(grey: Opened) -> None:
    image = 255 - models.digits(1)[0]
    grey.drop("paper.png", png(image))
    assert "Its ground is light; the model learned from pictures on a dark one: try to invert it." in grey.told(
        "paper.png"
    )
    grey.page.get_by_label("Invert").check()
    assert "light and dark inverted." in grey.told("paper.png")
    np.testing.assert_array_equal(grey.seen(1)[0], 255 - image)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", b"no picture", "notes.txt is no image that this browser can read. Allowed are PNG, JPEG"),
        ("half.png", png(np.zeros((28, 28), np.uint8))[:40], "half.png is no image that this browser can read"),
        ("empty.png", b"", "empty.png is empty. Allowed are"),
        ("", b"", "What was dropped is no file. Save the picture, and drop the file."),
    ],
)
def test_what_is_no_image_is_told_in_words(name: str, content: bytes, words: str, grey: Opened) -> None:
    grey.drop(name, content)
    expect(grey.page.get_by_role("alert")).to_contain_text(words)
    assert grey.logits().size == 0
    grey.drop("good.png", png(models.digits(1)[0]))
    grey.told("good.png")
    expect(grey.page.locator("#problem")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_works_on_a_phone(scheme: Literal["light", "dark"], browser: Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "colour" / "demo.html", 390, 844)
    opened.page.emulate_media(color_scheme=scheme)
    opened.draw(*SEVEN)
    assert opened.logits().size == 14
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) > 380) == (scheme == "light")
    opened.close()


def test_a_finger_draws(browser: Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "grey" / "demo.html", 390, 844)
    box = opened.page.locator("#pad").bounding_box()
    assert box is not None
    session = opened.window.new_cdp_session(opened.page)
    for kind, share in (("touchStart", 0.3), ("touchMove", 0.5), ("touchMove", 0.7), ("touchEnd", None)):
        at = {"x": box["x"] + (share or 0) * box["width"], "y": box["y"] + (share or 0) * box["height"]}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if share is None else [at]})
    assert opened.seen(1).max() > 200
    assert opened.page.evaluate("scrollY") == 0
    assert opened.logits().size == 10
    opened.close()


def test_the_camera_is_looked_through_until_it_is_stopped(grey: Opened) -> None:
    grey.page.get_by_role("button", name="Camera").click()
    assert "grey, resized to 28 × 28" in grey.told("The camera")
    assert grey.seen(1).any()
    assert grey.logits().size == 10
    grey.page.get_by_role("button", name="Stop the camera").click()
    assert grey.logits().size == 0
    assert grey.page.evaluate("stream") is None


def test_a_browser_without_a_camera_says_so(grey: Opened) -> None:
    grey.page.evaluate("delete Navigator.prototype.mediaDevices")
    grey.page.get_by_role("button", name="Camera").click()
    expect(grey.page.get_by_role("alert")).to_contain_text("browsers open it only to pages from 127.0.0.1 or https")


def test_the_page_may_not_send_even_if_it_tried(browser: Browser, folder: Path) -> None:
    opened = Opened(browser, folder / "grey" / "demo.html")
    refused = """new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
      fetch("http://127.0.0.1:9/").catch(() => {});
    })"""
    assert opened.page.evaluate(refused) == "connect-src"
    opened.window.close()


def test_a_picture_too_large_for_a_phones_canvas_is_reduced_first(grey: Opened, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    waves = 127 + 120 * np.sin(np.arange(4400) / 300)[:, None] * np.cos(np.arange(5000) / 400)
    file.write_bytes(png(waves.astype(np.uint8)))
    grey.page.locator("#file").set_input_files(file)
    assert "its middle 4400 × 4400 cut out, reduced to 4096 first" in grey.told("large.png")
    expected = decode(file, 28, 1)
    assert expected is not None
    assert np.abs(grey.seen(1).astype(int) - expected.pixels).max() <= 1
