"""What a model of a family says otherwise than the one that it was made from, on samples that are shown.

`flipped.safetensors` holds it: pictures and maps as tensors, everything else as JSON in one more. It is not
written where nothing flipped.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression_ops.evaluation.comparison.flips import Answer, Flip

FILE = "flipped.safetensors"
_FIELDS = "flipped"


@dataclass(frozen=True)
class Shown:
    """A flipped sample. first: of the parent; second: of the model.

    words  the sample, where it cannot be drawn
    image  uint8 [C, H, W]; None of what is no image
    maps   of the parent and of the model, float32 [1, H, W] in [-1, 1]: what each pixel says for the model's own
           answer, by integrated gradients; () where that is not computed
    """

    flip: Flip
    words: str
    image: NDArray[np.uint8] | None = None
    maps: tuple[NDArray[np.float32], ...] = field(default=())


@dataclass(frozen=True)
class Flipped:
    """Of a model against its parent: how many test samples flipped, by effect; and the first of each that are shown."""

    model: str
    parent: str
    lost: int
    gained: int
    neither: int
    shown: tuple[Shown, ...]

    @property
    def count(self) -> int:
        """All samples of which the two say different classes."""
        return self.lost + self.gained + self.neither


def write(flipped: Sequence[Flipped], folder: Path) -> None:
    """Write `flipped.safetensors`, or nothing where there is none."""
    from safetensors.numpy import save_file

    if not flipped:
        return
    tensors: dict[str, NDArray[Any]] = {}
    for number, of_model in enumerate(flipped):
        for position, one in enumerate(of_model.shown):
            pictures = {"image": one.image} if one.image is not None else {}
            pictures |= {f"map{index}": each for index, each in enumerate(one.maps)}
            tensors |= {f"{number}.{position}.{name}": np.ascontiguousarray(each) for name, each in pictures.items()}
    fields = [
        asdict(replace(each, shown=()))
        | {"shown": [{"flip": asdict(one.flip), "words": one.words} for one in each.shown]}
        for each in flipped
    ]
    tensors[_FIELDS] = np.frombuffer(json.dumps(fields).encode(), np.uint8)  # of metadata no digest knows
    save_file(tensors, folder / FILE)


def read(folder: Path) -> tuple[Flipped, ...]:
    """What `write` wrote; () where it wrote nothing."""
    from safetensors import safe_open

    if not (folder / FILE).exists():
        return ()
    with safe_open(folder / FILE, framework="numpy") as file:
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    every = json.loads(held.pop(_FIELDS).tobytes())
    return tuple(
        Flipped(**fields | {"shown": tuple(_read(one, f"{number}.{place}", held) for place, one in enumerate(shown))})
        for number, fields in enumerate(every)
        for shown in (fields["shown"],)
    )


def _read(fields: Mapping[str, Any], prefix: str, held: Mapping[str, NDArray[Any]]) -> Shown:
    flip = fields["flip"]
    answers = {
        name: Answer(flip[name]["predicted"], tuple(flip[name]["probabilities"])) for name in ("first", "second")
    }
    maps = tuple(held[name] for name in (f"{prefix}.map0", f"{prefix}.map1") if name in held)
    return Shown(Flip(flip["sample"], flip["label"], **answers), fields["words"], held.get(f"{prefix}.image"), maps)
