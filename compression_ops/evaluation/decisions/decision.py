"""One decision of a network: the way that a test sample took through its nodes, and the leaf that answered.

`decisions.safetensors` holds them: pixels and filters as tensors, everything else as JSON in the file's metadata. It is
written only where there is a decision, and identical runs repeat it byte for byte.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "decisions.safetensors"
_FIELDS = "decisions"
# A filter is kept as whole numbers up to this one, its greatest weight's: enough to draw it.
LEVELS = 127


@dataclass(frozen=True)
class Node:
    """right: probability with which it sends the sample right; turned_right: whether the way turns right there;
    weight: the greatest absolute value of its filter.
    """

    right: float
    turned_right: bool
    weight: float


@dataclass(frozen=True)
class Decision:
    """model         name of its asset
    sample        index in the test split
    label         true class
    predicted     class that the model answers, with `confidence`, a probability
    nodes         from the root on; as many as filters
    leaf          its number, from the left; `reached` is the probability of ending there
    distribution  what the leaf answers: a probability a class
    image         uint8 [C, H, W], the sample; made smaller where it is large
    filters       int8 [D, C', H', W'], each node's filter / its `weight` * LEVELS; made smaller where they are large
    """

    model: str
    sample: int
    label: int
    predicted: int
    confidence: float
    nodes: tuple[Node, ...]
    leaf: int
    reached: float
    distribution: tuple[float, ...]
    image: NDArray[np.uint8]
    filters: NDArray[np.int8]

    @property
    def is_right(self) -> bool:
        """Whether the model's answer is the true class."""
        return self.label == self.predicted

    @property
    def leaf_class(self) -> int:
        """The class that the leaf alone would answer, the first of equals."""
        return int(np.argmax(self.distribution))


def write(decisions: Sequence[Decision], folder: Path) -> None:
    """Write `decisions.safetensors`, or nothing where there is no decision."""
    from safetensors.numpy import save_file

    if not decisions:
        return
    tensors: dict[str, NDArray[Any]] = {}
    fields: list[dict[str, Any]] = []
    for number, decision in enumerate(decisions):
        plain = asdict(decision)
        for name in ("image", "filters"):
            tensors[f"{number:03d}.{name}"] = np.ascontiguousarray(plain.pop(name))
        fields.append(plain)
    save_file(tensors, folder / FILE, metadata={_FIELDS: json.dumps(fields, allow_nan=False)})


def read(folder: Path) -> tuple[Decision, ...]:
    """What `write` wrote; () where it wrote nothing."""
    from safetensors import safe_open

    if not (folder / FILE).exists():
        return ()
    with safe_open(folder / FILE, framework="numpy") as file:
        every = json.loads(file.metadata()[_FIELDS])
        return tuple(
            Decision(
                **fields
                | {
                    "nodes": tuple(Node(**node) for node in fields["nodes"]),
                    "distribution": tuple(fields["distribution"]),
                    "image": file.get_tensor(f"{number:03d}.image"),
                    "filters": file.get_tensor(f"{number:03d}.filters"),
                }
            )
            for number, fields in enumerate(every)
        )
