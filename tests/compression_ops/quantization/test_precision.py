"""What a recipe may say about bits, and what it gets where it says nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from compression_ops.quantization.precision import Precision


def test_by_default_eight_bits_a_scale_a_channel_and_sums_that_no_cpu_saturates() -> None:
    assert Precision().model_dump() == {
        "weight_bits": 8,
        "activation_bits": 8,
        "per_channel": True,
        "reduce_range": True,
        "rounding": "nearest",
        "rounding_steps": 1000,
        "bias_correction": False,
        "equalization": False,
        "opset": 21,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight_bits": 1},
        {"weight_bits": 9},
        {"weight_bits": "8"},
        {"activation_bits": 3},
        {"activation_bits": 9},
        {"rounding": "up"},
        {"per_channel": 1},
        {"bits": 8},
        {"opset": 14},
        {"opset": 22},
    ],
)
def test_a_precision_that_no_kernel_computes_in_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Precision.model_validate(wrong)
    assert caught.value.errors()[0]["loc"] == tuple(wrong)
