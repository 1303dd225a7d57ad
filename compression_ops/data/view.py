"""One view of a split, replayed: any of its samples, in any batch and any process, with the same bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from compression_ops import implementations
from compression_ops.data.augmentation import Augmentation, mixes
from compression_ops.data.dataset import Description
from compression_ops.data.storage import mapped
from compression_ops.errors import DataError
from compression_ops.seeds import generator
from compression_ops.spec import Spec


@dataclass(frozen=True)
class _Step:
    """An augmentation: its parameters, and what was drawn for every sample of the split."""

    spec: Spec
    drawn: tuple[Tensor, ...]

    @property
    def method(self) -> Any:
        return implementations.module_of(self.spec)

    def of(self, rows: Tensor) -> tuple[Tensor, ...]:
        return tuple(part[rows] for part in self.drawn)


class View:
    """A view of the samples of a split, such as uint8 [N, C, H, W]. What was drawn for it lies where they do."""

    def __init__(self, samples: Tensor, description: Description, steps: Sequence[_Step]) -> None:
        self._raw, self._description, self._steps = samples, description, tuple(steps)

    def samples(self, rows: Tensor, device: torch.device | None = None) -> Tensor:
        """Raw samples of the view, int64 [B] -> float32 [B, ...]: of images [B, C, H, W] with values in [0, 255].

        They are computed on `device`, or else where those of the split lie, and stay there.
        """
        return self._samples(self._steps, rows, device or self._raw.device)

    def labels(self, labels: Tensor, rows: Tensor) -> Tensor:
        """Their labels, of those of the whole split, int64 [N]: int64 [B].

        Where samples are mixed float32 [B, classes], what each class has of the mixture.
        """
        mixing = [step for step in self._steps if mixes(step.spec)]
        return self._shares(mixing, labels, rows) if mixing else labels[rows]

    def classes(self, labels: Tensor) -> Tensor:
        """The class of each sample of the split, int64 [N]; of a mixed one that which has most of the mixture."""
        found = self.labels(labels, torch.arange(len(labels), device=labels.device))
        return found.argmax(dim=1) if found.is_floating_point() else found

    def _samples(self, steps: Sequence[_Step], rows: Tensor, device: torch.device) -> Tensor:
        if not steps:
            taken = self._raw[rows]
            mapped.used(taken, scattered=True)
            return taken.to(device).to(torch.float32)
        *before, step = steps
        drawn = step.of(rows)
        there = tuple(part.to(device) for part in drawn)
        if mixes(step.spec):
            own, others = self._samples(before, torch.cat([rows, drawn[0]]), device).split(len(rows))
            return step.method.mix(step.spec, own, others, there)
        return step.method.transform(step.spec, self._samples(before, rows, device), there, self._description)

    def _shares(self, mixing: Sequence[_Step], labels: Tensor, rows: Tensor) -> Tensor:
        if not mixing:
            return torch.nn.functional.one_hot(labels[rows], len(self._description.classes)).to(torch.float32)
        *before, step = mixing
        others, share, *_ = step.of(rows)
        share = share.unsqueeze(1)
        return share * self._shares(before, labels, rows) + (1 - share) * self._shares(before, labels, others)


def draw(augmentation: Augmentation | None, samples: Tensor, description: Description, seed: int, number: int) -> View:
    """The view `number` of a split's samples, such as uint8 [N, C, H, W].

    What is random depends on (augmentation, N, seed, number) alone, and each augmentation has a stream of its own: one
    more leaves the others' draws. Raises DataError if the samples do not allow it.
    """
    chosen = {} if augmentation is None else augmentation.chosen()
    if augmentation is not None:
        require_fit(augmentation, description)
    steps: list[_Step] = []
    for name, spec in chosen.items():
        random = generator(seed, "view", number, *([name] if name else []))
        drawn = implementations.module_of(spec).draw(spec, len(samples), tuple(samples.shape[1:]), random)
        steps.append(_Step(spec, tuple(part.to(samples.device) for part in drawn)))
    return View(samples, description, steps)


def require_fit(augmentation: Augmentation, description: Description) -> None:
    """Raises DataError if the samples of a data set do not allow an augmentation."""
    for misfit in augmentation.misfits(description):
        noun, shape = description.modality.noun, description.shape
        raise DataError(
            f"augmentation.{misfit.field} does not fit {noun} of shape {shape}. Allowed is {misfit.allowed}"
        )
