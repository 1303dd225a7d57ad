import json
import weakref
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from compression_ops.data.augmentation import Augmentation, augment
from compression_ops.data.dataset import normalize
from compression_ops.data.views import Views
from compression_ops.distillation.soft_labels import label_views, load_logits, load_views, save_logits
from compression_ops.errors import DataError, ModelError
from compression_ops.models.network import Network, save
from compression_ops.progress import Progress
from compression_ops.stages import soft_labels
from compression_ops.stages.soft_labels import SoftLabels
from compression_ops.stages.stage import Context
from tests.compression_ops import small_data

NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
PARAMETERS = SoftLabels.model_validate({"views": 3, "augmentation": {"translate": 1.0, "rotate": 15.0}, "seed": 4})


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    torch.manual_seed(0)
    save(teacher, NETWORK, small_data.network(small_data.SHAPE, small_data.CLASSES))
    return {"dataset": small_data.artifact(tmp_path / "dataset"), "teacher": teacher}


def output(tmp_path: Path, name: str = "soft_labels") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_row_i_of_each_view_is_the_teachers_logits_of_sample_i_alone(tmp_path: Path, inputs: dict[str, Path]):
    folder = output(tmp_path)
    soft_labels.run(PARAMETERS, inputs, Context(folder))
    data = small_data.data()
    torch.manual_seed(0)
    teacher = small_data.network(small_data.SHAPE, small_data.CLASSES).eval()
    views = Views(views=3, augmentation=Augmentation(translate=1.0, rotate=15.0), seed=4)
    for view in range(3):
        stored = load_file(folder / f"view_{view:04d}.safetensors")["logits"]
        assert stored.dtype == torch.float16
        transformations = views.transformations(96, view)
        assert transformations is not None
        for sample in range(0, 96, 7):
            row = slice(sample, sample + 1)
            pixels = augment(data.train.images[row], transformations[row])
            expected = teacher(normalize(pixels, data.description))[0].detach()
            torch.testing.assert_close(stored[sample].float(), expected, rtol=1e-3, atol=1e-3)


def test_the_files_are_the_views_and_how_to_make_them(tmp_path: Path, inputs: dict[str, Path]):
    folder, told = output(tmp_path), list[Progress]()
    result = soft_labels.run(PARAMETERS, inputs, Context(folder, told.append))
    assert sorted(path.name for path in folder.iterdir()) == [
        "view_0000.safetensors",
        "view_0001.safetensors",
        "view_0002.safetensors",
        "views.json",
    ]
    assert load_views(folder) == PARAMETERS.part(Views)
    assert json.loads((folder / "views.json").read_text())["augmentation"]["flip"] is False
    assert [(progress.done, progress.total) for progress in told] == [(1, 3), (2, 3), (3, 3)]
    assert len(result.history) == 3


def test_the_same_teacher_gives_the_same_bytes(tmp_path: Path, inputs: dict[str, Path]):
    first, again = output(tmp_path, "first"), output(tmp_path, "again")
    soft_labels.run(PARAMETERS, inputs, Context(first))
    soft_labels.run(PARAMETERS, inputs, Context(again))
    assert all(path.read_bytes() == (again / path.name).read_bytes() for path in first.iterdir())


def test_more_views_leave_the_earlier_ones_as_they_were(tmp_path: Path, inputs: dict[str, Path]):
    few, more = output(tmp_path, "few"), output(tmp_path, "more")
    soft_labels.run(PARAMETERS, inputs, Context(few))
    soft_labels.run(PARAMETERS.changed(views=5), inputs, Context(more))
    for view in range(3):
        name = f"view_{view:04d}.safetensors"
        assert (few / name).read_bytes() == (more / name).read_bytes()


def test_without_augmentation_the_logits_are_those_of_the_images(tmp_path: Path, inputs: dict[str, Path]):
    folder = output(tmp_path)
    soft_labels.run(SoftLabels(views=2), inputs, Context(folder))
    assert torch.equal(load_logits(folder, 0, 96, 3), load_logits(folder, 1, 96, 3))


def test_a_hundred_views_do_not_need_the_memory_of_a_hundred():
    """Views come one at a time, and none is made before it is asked for."""
    asked: list[int] = []

    class Teacher(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            asked.append(len(x))
            return x.flatten(1)[:, :3]

    data = small_data.data()
    views = label_views(Teacher(), data.train.images, data.description, Views(views=100), batch_size=50)
    assert asked == []
    made: list[weakref.ref[torch.Tensor]] = []
    for view, labels in enumerate(views):
        made.append(weakref.ref(labels))
        assert sum(asked) == 96 * (view + 1)
        assert sum(reference() is not None for reference in made) <= 2
    assert len(made) == 100


@pytest.mark.parametrize("value", [70_000.0, float("nan")])
def test_logits_that_float16_cannot_hold_are_refused(value: float):
    class Huge(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 3), value)

    data = small_data.data()
    with pytest.raises(ModelError, match="float16"):
        next(label_views(Huge(), data.train.images, data.description, Views()))


def test_logits_of_another_data_set_are_refused(tmp_path: Path):
    save_logits(tmp_path, 0, torch.zeros(90, 3, dtype=torch.float16))
    with pytest.raises(DataError, match=r"\(90, 3\).*\(96, 3\)"):
        load_logits(tmp_path, 0, samples=96, classes=3)
