"""A network of which only the last layer learns: its other weights and statistics stay as they are."""

from torch import nn

from compression_ops.errors import ModelError


def freeze_backbone(model: nn.Module, classes: int) -> None:
    """Freeze all weights but those of the head: the last module whose own weight has one row a class.

    Raises ModelError if no module has.
    """
    heads = [module for module in model.modules() if _rows(module) == classes]
    if not heads:
        raise ModelError(
            f"`freeze: backbone` finds no head: no layer of {type(model).__name__} has a weight of {classes} rows, one "
            "a class. Leave `freeze` out, or end the network in a Linear layer"
        )
    model.requires_grad_(False)
    heads[-1].requires_grad_(True)


def keep_still(model: nn.Module) -> None:
    """Put what is frozen into evaluation mode, so that neither statistics move nor dropout acts in it."""
    for module in model.modules():
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()


def _rows(module: nn.Module) -> int | None:
    weight = dict(module.named_parameters(recurse=False)).get("weight")
    return weight.shape[0] if weight is not None and weight.dim() > 1 else None
