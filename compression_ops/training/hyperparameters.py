"""The parameters of one training, as a recipe states them."""

from typing import Literal

from pydantic import Field

from compression_ops.metric import Metric
from compression_ops.spec import Spec


class Training(Spec):
    """One training run: optimizer, schedule, length and seed."""

    epochs: int = Field(ge=1, le=10_000, description="Passes over the training split.")
    batch_size: int = Field(default=128, ge=1, le=65_536, description="Samples a step.")
    learning_rate: float = Field(gt=0, le=100, description="Peak learning rate, after the warm-up.")
    weight_decay: float = Field(default=0.0, ge=0, le=10, description="Decoupled for adamw, L2 for sgd.")
    optimizer: Literal["adamw", "sgd"] = Field(default="adamw", description="Loshchilov & Hutter 2019, or SGD.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Nesterov momentum of sgd; adamw does not use it.")
    warmup_epochs: float = Field(default=0.5, ge=0, description="Length of the linear warm-up, in epochs.")
    schedule: Literal["cosine", "constant"] = Field(default="cosine", description="After the warm-up.")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Of the forward pass; weights stay float32. Needs AVX-512 BF16 or AMX."
    )
    class_weights: Literal["uniform", "balanced"] = Field(
        default="uniform", description="`balanced`: in the labels' loss a class weighs by the inverse of its frequency."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of the initial weights and the order of the samples.")


class Selection(Spec):
    """By what the epoch is chosen that a training keeps."""

    metric: Metric = Field(default="accuracy", description="The validation metric of the epoch that is kept.")
