"""The stage keeps the teacher's logits of every view, row by row, and the same bytes each time."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import normalize
from compression_ops.data.views import Views
from compression_ops.distillation.soft_labels import load_logits, load_views, save_logits
from compression_ops.errors import DataError
from compression_ops.models.network import Network, save
from compression_ops.progress import Progress, ProgressCallback, silent
from compression_ops.stages import soft_labels
from compression_ops.stages.soft_labels import SoftLabels
from compression_ops.stages.stage import Context, StageResult
from tests.compression_ops import small_data

NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
PARAMETERS = {"views": 3, "augmentation": {"translate": 1.0, "rotate": 15.0}, "seed": 4}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    torch.manual_seed(0)
    save(teacher, NETWORK, small_data.network(small_data.SHAPE, small_data.CLASSES))
    return {"dataset": small_data.artifact(tmp_path / "dataset"), "teacher": teacher}


def run(
    parameters: dict[str, Any], inputs: dict[str, Path], folder: Path, progress: ProgressCallback = silent
) -> StageResult:
    return soft_labels.run(SoftLabels.model_validate(parameters), inputs, Context(folder, progress))


def output(tmp_path: Path, name: str = "soft_labels") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_row_i_of_each_view_is_the_teachers_logits_of_sample_i_alone(tmp_path: Path, inputs: dict[str, Path]) -> None:
    folder = output(tmp_path)
    run(PARAMETERS, inputs, folder)
    data = small_data.data()
    torch.manual_seed(0)
    teacher = small_data.network(small_data.SHAPE, small_data.CLASSES).eval()
    views = Views(views=3, augmentation=Augmentation(translate=1.0, rotate=15.0), seed=4)
    for view in range(3):
        stored = load_file(folder / f"view_{view:04d}.safetensors")["logits"]
        assert stored.dtype == torch.float16
        replayed = views.view(view, data.train.samples, data.description)
        for sample in range(0, 96, 7):
            pixels = replayed.samples(torch.tensor([sample]))
            expected = teacher(normalize(pixels, data.description))[0].detach()
            torch.testing.assert_close(stored[sample].float(), expected, rtol=1e-3, atol=1e-3)


def test_the_files_are_the_views_and_how_to_make_them(tmp_path: Path, inputs: dict[str, Path]) -> None:
    folder, told = output(tmp_path), list[Progress]()
    result = run(PARAMETERS, inputs, folder, told.append)
    assert sorted(path.name for path in folder.iterdir()) == [
        "view_0000.safetensors",
        "view_0001.safetensors",
        "view_0002.safetensors",
        "views.json",
    ]
    assert load_views(folder) == Views.model_validate(PARAMETERS)
    assert json.loads((folder / "views.json").read_text())["augmentation"]["flip"] is False
    assert [(progress.done, progress.total) for progress in told] == [(1, 3), (2, 3), (3, 3)]
    assert len(result.history) == 3


def test_the_same_teacher_gives_the_same_bytes(tmp_path: Path, inputs: dict[str, Path]) -> None:
    first, again = output(tmp_path, "first"), output(tmp_path, "again")
    run(PARAMETERS, inputs, first)
    run(PARAMETERS, inputs, again)
    assert all(path.read_bytes() == (again / path.name).read_bytes() for path in first.iterdir())


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, small_data.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1)) if x.mean() > -100 else x.flatten(1)[:, :3]


def branching(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return Branching()


def test_a_teacher_that_cannot_be_exported_labels_in_torch_and_the_user_is_told(
    tmp_path: Path, inputs: dict[str, Path]
) -> None:
    save(inputs["teacher"], replace(NETWORK, architecture=f"{__name__}:branching"), Branching())
    (warning,) = run(PARAMETERS, inputs, output(tmp_path)).warnings
    assert "runs in torch" in warning
    assert len(list((tmp_path / "soft_labels").glob("view_*"))) == 3


def test_more_views_leave_the_earlier_ones_as_they_were(tmp_path: Path, inputs: dict[str, Path]) -> None:
    few, more = output(tmp_path, "few"), output(tmp_path, "more")
    run(PARAMETERS, inputs, few)
    run(PARAMETERS | {"views": 5}, inputs, more)
    for view in range(3):
        name = f"view_{view:04d}.safetensors"
        assert (few / name).read_bytes() == (more / name).read_bytes()


def test_without_augmentation_the_logits_are_those_of_the_images(tmp_path: Path, inputs: dict[str, Path]) -> None:
    folder = output(tmp_path)
    run({"views": 2, "augmentation": None, "seed": 0}, inputs, folder)
    assert torch.equal(load_logits(folder, 0, 96, 3), load_logits(folder, 1, 96, 3))


def test_logits_of_another_data_set_are_refused(tmp_path: Path) -> None:
    save_logits(tmp_path, 0, torch.zeros(90, 3, dtype=torch.float16))
    with pytest.raises(DataError, match=r"\(90, 3\).*\(96, 3\)"):
        load_logits(tmp_path, 0, samples=96, classes=3)
