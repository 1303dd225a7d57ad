"""Word dropout: Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", §3:
whole words of a text are dropped at random. Here they become the unknown word, so that the others keep their places.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.data.texts.words import PADDING, UNKNOWN
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from compression_ops.data.dataset import Description


class WordDropout(Spec):
    """Each word of a text becomes the unknown one with the same probability; padding stays."""

    order: ClassVar[int] = 60
    modalities: ClassVar[tuple[str, ...]] = ("tokens",)

    probability: float = Field(gt=0, lt=1, description="Of each word; the paper's is 0.3.")


def misfits(spec: WordDropout, shape: tuple[int]) -> tuple[Misfit, ...]:
    """None: words of any text can be dropped."""
    return ()


def draw(spec: WordDropout, samples: int, shape: tuple[int], random: "Generator") -> "tuple[Tensor]":
    """Which places of each text are dropped: bool [N, L]. A larger probability drops these and others."""
    import torch

    return (torch.rand(samples, *shape, generator=random) < spec.probability,)


def transform(spec: WordDropout, ids: "Tensor", drawn: "tuple[Tensor]", description: "Description") -> "Tensor":
    """Unknown where a word is dropped; float32 [B, L]."""
    return ids.masked_fill(drawn[0] & (ids != PADDING), float(UNKNOWN))
