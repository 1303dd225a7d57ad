"""The views of a training split: what the teacher labels, and what a student then trains on, epoch by epoch."""

from typing import TYPE_CHECKING

from pydantic import Field

from compression_ops.data.augmentation import Augmentation
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor

    from compression_ops.data.dataset import Description
    from compression_ops.data.view import View


class Views(Spec):
    """How many views there are, and the seeded augmentation that makes them. Epoch e trains on view e mod `views`."""

    views: int = Field(default=1, ge=1, le=10_000, description="Augmented copies of the training split.")
    augmentation: Augmentation | None = Field(default=None, description="Of the views; none by default.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of the views' random transformations.")

    def of_epoch(self, epoch: int) -> int:
        """The view that epoch `epoch`, counted from 0, trains on."""
        return epoch % self.views

    def view(self, number: int, samples: "Tensor", description: "Description") -> "View":
        """One of them, of a split's samples, such as uint8 [N, C, H, W]: see `compression_ops.data.view.draw`."""
        from compression_ops.data import view

        return view.draw(self.augmentation, samples, description, self.seed, number)
