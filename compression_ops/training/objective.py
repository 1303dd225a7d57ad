"""What a training minimizes: a function of the network and one batch, with modules of its own where it needs some."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from compression_ops.training.cross_entropy import cross_entropy


@dataclass(frozen=True)
class Batch:
    """What a step is computed from; B samples of the train split.

    inputs  float32 [B, C, H, W], augmented and normalized, in the network's memory format and on its device
    rows    int64 [B], which samples of the split these are; on the processor, where the split lies
    labels  int64 [B], their classes; where the view mixes samples float32 [B, classes], what each has of the mixture;
            on the network's device, as the class weights are
    epoch   counted from 0
    class_weights  float32 [classes], how much each class weighs in what is learned from labels; None: all the same
    """

    inputs: Tensor
    rows: Tensor
    labels: Tensor
    epoch: int
    class_weights: Tensor | None = None


def _itself(model: nn.Module) -> nn.Module:
    return model


@dataclass(frozen=True)
class Objective:
    """What a training minimizes.

    loss       (the network in training mode, batch) -> scalar, the mean over the batch
    modules    trainable modules of its own (the projections of a feature loss, learned step sizes): they are optimized
               with the network, follow it to its best epoch, and are not saved with it
    validated  the network -> the one whose validation accuracy decides which epoch is kept; by default itself. Where
               training simulates what is shipped (fake quantization), this is the simulation
    frozen     modules that it computes with and that are not trained, such as a teacher: they follow the network to its
               device. Whatever else it computes with belongs where the batch's inputs are
    """

    loss: Callable[[nn.Module, Batch], Tensor]
    modules: tuple[nn.Module, ...] = ()
    validated: Callable[[nn.Module], nn.Module] = _itself
    frozen: tuple[nn.Module, ...] = ()


# Given the untrained network, whose initial weights are drawn already, so that modules of an objective's own don't
# shift them.
ObjectiveOf = Callable[[nn.Module], Objective]


def supervised(label_smoothing: float = 0.0) -> Objective:
    """Cross entropy with the labels, in nats; `label_smoothing` of the target is spread over all classes.

    With class weights it is the weighted mean over the batch: each sample counts as its class weighs.

    Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", section 7.
    """

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        # In float32 where the network computes in bfloat16, whose 8 bits are too few for a logarithm.
        logits = model(batch.inputs).float()
        return cross_entropy(logits, batch.labels, batch.class_weights, label_smoothing=label_smoothing)

    return Objective(loss)


def with_penalties(loss: Tensor, model: nn.Module) -> Tensor:
    """A batch's loss with what the network itself asks to be added to it, whatever the objective.

    A module that defines `training_penalty() -> scalar or None` is asked after its forward in training mode; None adds
    nothing.
    """
    for module in model.modules():
        ask: Callable[[], Tensor | None] | None = getattr(module, "training_penalty", None)
        penalty = ask() if callable(ask) else None
        loss = loss if penalty is None else loss + penalty
    return loss
