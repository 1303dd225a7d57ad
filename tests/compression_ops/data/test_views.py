import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from compression_ops.data.views import Views
from compression_ops.seeds import generator


def test_epochs_go_round_the_views() -> None:
    assert [Views(views=3).of_epoch(epoch) for epoch in range(7)] == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("bad", [{"views": 0}, {"views": 1.0}, {"seed": -1}, {"augmentation": {"turn": 1.0}}])
def test_parameters_out_of_range_and_unknown_ones_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Views.model_validate(bad)


def test_generators_of_different_keys_are_unrelated_and_those_of_one_key_alike() -> None:
    draws = [
        torch.randint(2**62, (1,), generator=generator(*key)) for key in ((0, "a"), (0, "b"), (1, "a"), ("0", "a"))
    ]
    assert len({int(draw) for draw in draws}) == 4
    assert int(torch.randint(2**62, (1,), generator=generator(0, "a"))) == int(draws[0])


def test_parameters_of_a_recipe_are_read_without_torch() -> None:
    modules = [
        "data.augmentation",
        "data.augmentations.color_jitter",
        "data.augmentations.mixup",
        "data.views",
        "training.hyperparameters",
        "distillation.losses.kd",
        "stages.teacher",
        "stages.measurements",
        "seeds",
    ]
    code = "".join(f"import compression_ops.{module};" for module in modules)
    code += "import sys; sys.exit(bool({'torch', 'numpy', 'scipy', 'onnxruntime', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
