"""Asks saved networks how they decide. Any network may offer it, by a method `decision_path` (see `Explaining`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from compression_ops.data.dataset import Description, Split, normalize
from compression_ops.errors import ModelError, told
from compression_ops.evaluation.decisions.decision import LEVELS, Decision, Node
from compression_ops.models.inference import one_thread
from compression_ops.models.network import load, load_network
from compression_ops.models.preprocessing import Indexed, Preprocessed, bare

RIGHT_SAMPLES, WRONG_SAMPLES = 4, 1
# Sides in pixels, beyond which a filter, or a sample, is averaged over blocks: it is drawn at no more than that.
_FILTER_SIDE, _IMAGE_SIDE = 64, 128
_DEEPEST = 64


class Way(Protocol):
    """A way through D nodes, root first, to a leaf: `compression_ops.models.architectures.soft_decision_tree` has one.

    filters       real [D, C, H, W]: what each node multiplies the sample with
    right         D probabilities of going right; turns: whether the way does
    leaf          number of the leaf; probability: of ending there
    distribution  a probability a class
    """

    @property
    def filters(self) -> Tensor: ...
    @property
    def right(self) -> Sequence[float]: ...
    @property
    def turns(self) -> Sequence[bool]: ...
    @property
    def leaf(self) -> int: ...
    @property
    def probability(self) -> float: ...
    @property
    def distribution(self) -> Sequence[float]: ...


@runtime_checkable
class Explaining(Protocol):
    """A network that can tell how it comes to its answer for one sample, float32 [C, H, W]."""

    def decision_path(self, image: Tensor) -> Way: ...


def explain(
    folders: Mapping[str, Path],
    logits: Mapping[str, NDArray[np.float32]],
    test: Split,
    description: Description,
) -> tuple[tuple[Decision, ...], tuple[str, ...]]:
    """The decisions of every model that explains itself, on the samples of `chosen`; and warnings in words.

    folders: of each model its saved network's; those without one, as an ONNX model is, are passed over. logits: of each
    model on the test samples, float32 [N, classes]. A network whose explanation fails, or is none, costs a warning.
    """
    decisions: list[Decision] = []
    warnings: list[str] = []
    labels = test.labels.numpy()
    for name, folder in folders.items():
        if not (folder / "model.json").exists():
            continue
        model = load(folder)
        if not isinstance(bare(model), Explaining):
            continue
        try:
            with one_thread():
                samples = chosen(logits[name], labels)
                decisions += [_decision(name, model, each, test, description, logits[name]) for each in samples]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  somebody's decision_path may end in any way
            why = str(error) if isinstance(error, ModelError) else told(error)
            architecture = load_network(folder).architecture
            warnings.append(f"{name}: how it decides is not drawn: decision_path of {architecture!r} failed: {why}")
    return tuple(decisions), tuple(warnings)


def chosen(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> list[int]:
    """Of the test samples in their order: the first right answer of up to RIGHT_SAMPLES classes, then the first wrong.

    logits: float32 [N, classes]; labels: int64 [N].
    """
    right = logits.argmax(axis=1) == labels
    firsts: dict[int, int] = {}
    for sample in np.flatnonzero(right).tolist():
        firsts.setdefault(int(labels[sample]), sample)
        if len(firsts) == RIGHT_SAMPLES:
            break
    return [*firsts.values(), *np.flatnonzero(~right)[:WRONG_SAMPLES].tolist()]


def _decision(
    name: str, model: nn.Module, sample: int, test: Split, description: Description, logits: NDArray[np.float32]
) -> Decision:
    pixels = test.samples[sample : sample + 1]
    images = normalize(pixels, description)
    if isinstance(model, Preprocessed | Indexed):
        images = model.prepared(images)
    explaining = bare(model)
    assert isinstance(explaining, Explaining)
    with torch.no_grad():
        path = explaining.decision_path(images[0])
    filters = _checked(path, len(description.classes))
    weights = filters.abs().amax(dim=(1, 2, 3))
    levels = (filters / weights.clamp_min(torch.finfo(torch.float64).tiny).view(-1, 1, 1, 1) * LEVELS).round()
    values = logits[sample].astype(np.float64)
    shares = np.exp(values - values.max())
    predicted = int(values.argmax())
    turns = zip(path.right, path.turns, weights.tolist(), strict=True)
    return Decision(
        model=name,
        sample=sample,
        label=int(test.labels[sample]),
        predicted=predicted,
        confidence=float(shares[predicted] / shares.sum()),
        nodes=tuple(Node(float(right), bool(turn), weight) for right, turn, weight in turns),
        leaf=int(path.leaf),
        reached=float(path.probability),
        distribution=tuple(map(float, path.distribution)),
        image=_smaller(pixels.double(), _IMAGE_SIDE)[0].round().to(torch.uint8).numpy(),
        filters=levels.to(torch.int8).numpy(),
    )


def _checked(path: Any, classes: int) -> Tensor:
    """The filters of what a network returned, float64 [D, C, H, W], small enough to draw.

    Raises ModelError for what is no decision path.
    """
    filters = path.filters.detach().cpu().double()
    if filters.ndim != 4 or not filters.numel() or not torch.isfinite(filters).all():
        raise ModelError(f"filters are of shape {list(filters.shape)}; allowed are finite numbers [nodes, C, H, W]")
    if not len(path.right) == len(path.turns) == len(filters) <= _DEEPEST:
        raise ModelError(
            f"there are {len(filters)} filters, {len(path.right)} probabilities and {len(path.turns)} turns; allowed "
            f"is one of each a node, of at most {_DEEPEST} nodes"
        )
    shares = [*path.right, path.probability, *path.distribution]
    if len(path.distribution) != classes or not all(-1e-6 <= share <= 1 + 1e-6 for share in shares):
        raise ModelError(
            f"the leaf answers {len(path.distribution)} classes with probabilities {min(shares):g} to {max(shares):g}; "
            f"allowed are {classes} classes and 0 to 1"
        )
    return _smaller(filters, _FILTER_SIDE)


def _smaller(images: Tensor, side: int) -> Tensor:
    """Images [N, C, H, W] whose longer side is at most `side`, each pixel the mean of those that it stands for."""
    height, width = images.shape[2:]
    if (longer := max(height, width)) <= side:
        return images
    rows, columns = (max(1, round(length * side / longer)) for length in (height, width))
    return functional.adaptive_avg_pool2d(images, (rows, columns))
