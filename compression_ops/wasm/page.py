"""A page to try a model in: one HTML file that computes in WebAssembly and needs nothing but itself."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from compression_ops import quantities
from compression_ops.c_code import lowering
from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.onnx_model import metadata
from compression_ops.wasm import module
from compression_ops.wasm.module import Module

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE, _SCRIPTS = "demo.css", ("pixels.js", "drawing.js", "demo.js")


@dataclass(frozen=True)
class Page:
    """text  HTML
    module  what it computes with
    """

    text: str
    module: Module


def write(model: Path, title: str, origin: str) -> Page:
    """The page of a quantized student's `model.onnx`; `title` and `origin` head it.

    Raises ModelError for a model that takes no square images of 1 or 3 channels, and as `module.build` does.
    """
    _check(model, metadata.read(lowering.loaded_model(model), str(model)).description)
    built = module.build(model)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = _read(_STYLE)
    script = "\n".join(_read(name) for name in _SCRIPTS)
    text = environment.get_template("demo.html").render(
        title=title,
        origin=origin,
        policy=_policy(script, style),
        style=Markup(style),
        script=Markup(script),
        side=built.description.shape[1],
        model=_described(built),
        sizes=f"{quantities.size(built.weight_bytes)} of weights, {quantities.size(len(built.code))} of WebAssembly: "
        "integers alone, which give the same logits on every machine.",
    )
    return Page(text, built)


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """Content Security Policy, level 3: these very texts and WebAssembly run; nothing is loaded or sent anywhere."""
    sources = {
        "default-src": "'none'",
        "script-src": f"{_source(script)} 'wasm-unsafe-eval'",
        "style-src": _source(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {allowed}" for name, allowed in sources.items())


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _described(built: Module) -> dict[str, Any]:
    channels, side, _ = built.description.shape
    return {
        "classes": built.description.classes,
        "channels": channels,
        "side": side,
        "mean": built.description.mean,
        "code": base64.b64encode(built.code).decode(),
    }


def _check(model: Path, description: Description) -> None:
    if len(description.shape) != 3:
        noun = description.modality.noun
        raise ModelError(
            f"{model}: takes {noun}; a page can be made for images alone. For {noun} take the targets c, or wasm: the "
            "module without the page"
        )
    channels, height, width = description.shape
    if height != width or channels not in (1, 3):
        raise ModelError(
            f"{model}: takes images of {channels} channel(s), {height} x {width} pixels; a page can be made for square "
            "images of 1 or 3 channels alone. Give such a model arrays of your own: compression_ops.wasm.module"
        )
