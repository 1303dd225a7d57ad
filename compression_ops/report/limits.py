"""What is asked of a quantized model: what a recipe states."""

from pydantic import Field

from compression_ops.spec import Spec


class Limits(Spec):
    """What a quantized student must keep."""

    max_accuracy_drop: float = Field(
        default=0.5, ge=0, le=100, description="Most that quantization may cost, in points of test accuracy."
    )
    min_compression: float = Field(
        default=4.0, ge=1, description="Least ratio of the teacher's file size to the quantized student's."
    )
