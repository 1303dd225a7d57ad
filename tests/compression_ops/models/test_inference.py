import pytest
import torch
from torch import nn

from compression_ops.data.dataset import normalize
from compression_ops.errors import ModelError
from compression_ops.models.inference import logits
from tests.compression_ops import small_data

DATA = small_data.data(50)


def test_logits_are_the_models_in_evaluation_mode_whatever_the_batch_size() -> None:
    model = small_data.network(small_data.SHAPE, 3).train()
    found = logits(model, DATA.train.samples, DATA.description, batch_size=7)
    assert model.training
    assert found.dtype == torch.float32
    expected = model.eval()(normalize(DATA.train.samples, DATA.description))
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad


def test_no_images_give_no_rows() -> None:
    model = small_data.linear(small_data.SHAPE, 3)
    assert logits(model, DATA.train.samples[:0], DATA.description).shape == (0, 3)


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


@pytest.mark.parametrize(
    ("model", "found"), [(Pair(), "tuple"), (nn.Identity(), "1, 8, 8"), (nn.Flatten(), r"\(50, 64\)")]
)
def test_an_output_that_is_not_one_logit_a_class_is_refused(model: nn.Module, found: str) -> None:
    with pytest.raises(ModelError, match=found):
        logits(model, DATA.train.samples, DATA.description)
