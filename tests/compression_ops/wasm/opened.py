"""A page of a model in Chromium, and what a user does with it."""

import base64
import json
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect

from tests.browser import served_ui

_DROP = """([name, type, bytes]) => {
  const transfer = new DataTransfer();
  if (name) {
    const content = Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0));
    transfer.items.add(new File([content], name, { type }));
  }
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
_SEEN = """() => {
  const seen = document.getElementById("seen");
  return [...seen.getContext("2d").getImageData(0, 0, seen.width, seen.height).data];
}"""


class Opened:
    """requests  every address that the page asked for, its own file's included"""

    def __init__(self, browser: Browser, file: Path, width: int = 1000, height: int = 900) -> None:
        self.window = served_ui.context(browser, width, height)
        self.page: Page = self.window.new_page()
        self.requests: list[str] = []
        self.mistakes: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        self.page.on("console", lambda message: self.mistakes.append(message.text))
        self.page.goto(file.as_uri())
        expect(self.page.locator("#bits")).not_to_have_text("0")

    def drop(self, name: str, content: bytes, kind: str = "image/png") -> None:
        """A file on the page; without a name, none."""
        self.page.evaluate(_DROP, [name, kind, base64.b64encode(content).decode()])

    def told(self, name: str) -> str:
        """What was done to the picture of that name."""
        line = self.page.locator("#told", has_text=f"{name}, ")
        line.wait_for()
        return line.inner_text().replace("\xa0", " ")

    def logits(self) -> np.ndarray:
        """int64 [classes]."""
        return np.array(json.loads(self.page.locator("#logits").text_content() or ""), np.int64)

    def seen(self, channels: int) -> np.ndarray:
        """uint8 [channels, side, side]: what the model is shown."""
        flat = np.array(self.page.evaluate(_SEEN), np.uint8)
        side = round((flat.size / 4) ** 0.5)
        return flat.reshape(side, side, 4).transpose(2, 0, 1)[:channels]

    def draw(self, *points: tuple[float, float]) -> None:
        """A stroke with the mouse, in shares of the pad."""
        box = self.page.locator("#pad").bounding_box()
        assert box is not None
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=8)
        self.page.mouse.up()

    def close(self) -> None:
        """Fails for whatever the browser complained of."""
        self.window.close()
        assert self.mistakes == [], self.mistakes
