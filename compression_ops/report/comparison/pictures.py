"""Samples and maps of attributions as PNG files inside a page."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_RED, _BLUE = np.array([207, 34, 46]), np.array([9, 105, 218])
_WHITE = 255


def sample(image: NDArray[np.uint8]) -> str:
    """A data URI of uint8 [C, H, W]: in colour if it has 3 channels, else the mean of them in grey."""
    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image.mean(axis=0).round().astype(np.uint8)
    return _png(np.ascontiguousarray(pixels))


def attributions(values: NDArray[np.float64]) -> str:
    """A data URI of what pixels speak for, float [C, H, W]: summed over channels, blue for, red against, white 0."""
    summed = values.sum(axis=0)
    strength = np.abs(summed) / max(float(np.abs(summed).max()), np.finfo(np.float64).tiny)
    color = np.where(summed[..., None] >= 0, _BLUE, _RED)
    mixed = _WHITE + strength[..., None] * (color - _WHITE)
    return _png(mixed.round().astype(np.uint8))


def _png(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
