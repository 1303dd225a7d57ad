"""The optimizer and its learning rate at every step."""

import math
from typing import TYPE_CHECKING

from compression_ops.errors import ModelError
from compression_ops.training.hyperparameters import Training

if TYPE_CHECKING:
    from torch import nn, optim


def build_optimizer(model: "nn.Module", training: Training) -> "optim.Optimizer":
    """AdamW (Loshchilov & Hutter 2019) or SGD, with Nesterov momentum where momentum > 0.

    Weight decay acts on weight matrices and kernels; biases and batch norm's scales are not decayed. Raises ModelError
    where nothing can be trained.
    """
    from torch import optim

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise ModelError(
            "the network has no weight that can be trained: it has none at all, or `requires_grad` is off for each. "
            "Let its factory leave some on"
        )
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if training.optimizer == "sgd":
        momentum = training.momentum
        return optim.SGD(groups, lr=training.learning_rate, momentum=momentum, nesterov=momentum > 0, fused=True)
    return optim.AdamW(groups, lr=training.learning_rate, fused=True)


def learning_rate(training: Training, step: int, steps_per_epoch: int) -> float:
    """The rate of optimizer step `step`, counted from 0.

    It rises linearly over `warmup_epochs`, then stays (`constant`) or follows half a cosine to zero at the end of the
    last epoch (`cosine`; Loshchilov & Hutter 2017, without restarts).
    """
    warmup = training.warmup_epochs * steps_per_epoch
    if step + 1 < warmup:
        return training.learning_rate * (step + 1) / warmup
    if training.schedule == "constant":
        return training.learning_rate
    remaining = max(training.epochs * steps_per_epoch - warmup, 1.0)
    done = min(max(step - warmup, 0.0) / remaining, 1.0)
    return training.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
