"""Under which conditions models are measured: what a recipe states."""

from typing import Annotated

from pydantic import Field

from compression_ops.spec import Spec


class Conditions(Spec):
    """How latency and memory are measured."""

    batch_sizes: Annotated[list[Annotated[int, Field(ge=1, le=65_536)]], Field(min_length=1)] = Field(
        default=[1, 32], description="Batch sizes whose latency is measured."
    )
    threads: int = Field(default=1, ge=1, le=1024, description="onnxruntime's intra-op threads.")
    iterations: int = Field(default=1000, ge=10, le=1_000_000, description="Timed calls a model and batch size.")
    warmup: int = Field(default=50, ge=0, le=100_000, description="Calls before the timed ones.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes, each once."""
        return tuple(dict.fromkeys(self.batch_sizes))
