"""Cross entropy with labels, weighted by classes: of samples of one class, and of mixed ones."""

from torch import Tensor
from torch.nn import functional


def cross_entropy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """The weighted mean over the batch, in nats: each sample counts as its class weighs, or as its mixture does.

    logits         float [B, classes]
    labels         int64 [B], classes; or float [B, classes], what each class has of a mixed sample
    class_weights  float32 [classes]; None: all the same

    For a mixture λ of class a and 1 - λ of class b the sum is λ·w_a·CE(a) + (1 - λ)·w_b·CE(b) (Zhang et al. 2018), and
    it counts λ·w_a + (1 - λ)·w_b. torch divides by B there.
    """
    if class_weights is None or not labels.is_floating_point():
        return functional.cross_entropy(logits, labels, class_weights, label_smoothing=label_smoothing)
    total = functional.cross_entropy(logits, labels, class_weights, label_smoothing=label_smoothing, reduction="sum")
    return total / (labels @ class_weights).sum()
