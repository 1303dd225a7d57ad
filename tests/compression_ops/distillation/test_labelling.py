"""The teacher labels one view at a time, with the same bits on any number of threads."""

import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.views import Views
from compression_ops.distillation.labelling import label_views
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, save
from compression_ops.onnx_model.inference import in_torch, open_forward
from tests.compression_ops import small_data

NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
VIEWS = Views(views=2, augmentation=Augmentation(translate=1.0, rotate=15.0))


def test_the_number_of_threads_changes_no_bit(tmp_path: Path) -> None:
    data = small_data.data()
    save(tmp_path, NETWORK, small_data.network(small_data.SHAPE, small_data.CLASSES))
    forward = open_forward(tmp_path, data.description, data.train.samples[:20])
    alone, many = (
        list(label_views(replace(forward, threads=threads), data.train.samples, data.description, VIEWS, batch_size=10))
        for threads in (1, 7)
    )
    assert forward.warning is None
    assert all(torch.equal(one, other) for one, other in zip(alone, many, strict=True))
    assert not torch.equal(alone[0], alone[1])


def test_a_hundred_views_do_not_need_the_memory_of_a_hundred() -> None:
    """Views come one at a time, and none is made before it is asked for."""
    asked: list[int] = []

    class Teacher(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            asked.append(len(x))
            return x.flatten(1)[:, :3]

    data = small_data.data()
    forward = in_torch(Teacher(), data.description)
    views = label_views(forward, data.train.samples, data.description, Views(views=100), batch_size=50)
    assert asked == []
    made: list[weakref.ref[torch.Tensor]] = []
    for view, labels in enumerate(views):
        made.append(weakref.ref(labels))
        assert sum(asked) == 96 * (view + 1)
        assert sum(reference() is not None for reference in made) <= 2
    assert len(made) == 100


@pytest.mark.parametrize("value", [70_000.0, float("nan")])
def test_logits_that_float16_cannot_hold_are_refused(value: float) -> None:
    class Huge(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 3), value)

    data = small_data.data()
    with pytest.raises(ModelError, match="float16"):
        next(label_views(in_torch(Huge(), data.description), data.train.samples, data.description, Views()))
