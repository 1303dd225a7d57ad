"""Parameters of every augmentation, for images of at least 5×5 pixels in three channels, and in grey."""

from typing import Any

EVERYTHING: dict[str, Any] = {
    "translate": 2.5,
    "rotate": 30.0,
    "scale": 0.2,
    "shear": 15.0,
    "flip": True,
    "random_crop": {"padding": 4, "padding_mode": "reflect"},
    "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
    "cutout": {"size": 4, "holes": 2},
    "mixup": {"alpha": 0.4},
}
_AFFINE = {name: value for name, value in EVERYTHING.items() if not isinstance(value, dict)}
_OTHERS = {name: {name: value} for name, value in EVERYTHING.items() if isinstance(value, dict)}

# Each alone, and all together.
CASES: dict[str, dict[str, Any]] = {"affine": _AFFINE, **_OTHERS, "all": EVERYTHING}
GREY_CASES: dict[str, dict[str, Any]] = {
    name: case | ({"color_jitter": {"brightness": 0.4, "contrast": 0.4}} if "color_jitter" in case else {})
    for name, case in CASES.items()
}
