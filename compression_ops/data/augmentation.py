"""Whole-batch augmentation, seeded and replayable: what happens to each sample of a view, and in which order."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from compression_ops import implementations
from compression_ops.data.affine import Affine
from compression_ops.data.misfit import Misfit
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from compression_ops.data.dataset import Description

_PACKAGE = "data.augmentations"
_IMAGES = ("images",)


class Augmentation(Affine, implementations.each_of(_PACKAGE)):
    """The random transformations that each sample of a view undergoes. None: a view is the data itself.

    The bounds of the affine map stand here, the parameters of any other augmentation under the name of its file.
    """

    def chosen(self) -> Mapping[str, Spec]:
        """The parameters of what is done to each sample, in the order in which it is done; the affine map is ``."""
        named = {name: getattr(self, name) for name in implementations.names(_PACKAGE)}
        every = {"": self.part(Affine), **{name: spec for name, spec in named.items() if spec is not None}}
        active = {name: spec for name, spec in every.items() if spec.model_dump(exclude_defaults=True)}
        return dict(sorted(active.items(), key=lambda item: getattr(item[1], "order")))  # noqa: B009

    def mixing(self) -> list[str]:
        """The names of those that mix samples with each other, and so their labels."""
        return [name for name, spec in self.chosen().items() if mixes(spec)]

    def misfits(self, description: "Description") -> Iterator[Misfit]:
        """The parameters that the samples of a data set do not allow."""
        for name, spec in self.chosen().items():
            if description.modality.type in of_modalities(spec):
                for found in implementations.module_of(spec).misfits(spec, description.shape):
                    yield replace(found, field=f"{name}.{found.field}".lstrip("."))
            else:
                stated = name or next(iter(spec.model_dump(exclude_defaults=True)))
                yield Misfit(stated, _allowed(description))


def of_modalities(spec: Spec) -> tuple[str, ...]:
    """The types of the modalities (see compression_ops.data.modalities) whose samples an augmentation changes."""
    return getattr(spec, "modalities", _IMAGES)


def _allowed(description: "Description") -> str:
    """In words: which augmentations there are for the samples of a data set."""
    every = zip(implementations.names(_PACKAGE), implementations.specs(_PACKAGE), strict=True)
    known = [name for name, spec in every if description.modality.type in getattr(spec, "modalities", _IMAGES)]
    noun = description.modality.noun
    return f"for {noun}: {', '.join(known)}" if known else f"none for {noun}: leave it out"


def mixes(spec: Spec) -> bool:
    """Whether an augmentation mixes samples with each other."""
    return getattr(spec, "mixes", False)
