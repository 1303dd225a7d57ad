"""Which flipped samples of a family of models are shown, and what the models look at in them."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compression_ops.data.dataset import Description, Split
from compression_ops.errors import told
from compression_ops.evaluation.comparison import flips, saliency
from compression_ops.evaluation.comparison.flipped import Flipped, Shown
from compression_ops.evaluation.comparison.flips import Flip
from compression_ops.evaluation.family import Family
from compression_ops.models.inference import one_thread

SHOWN = 6
# Side in pixels of what the models' attributions are computed for: larger images cost minutes, not seconds.
_LARGEST = 64
_ROLES = ("student", "quantized")
_DIGITS = 3  # of a map, whose largest value is 1


def find(
    family: Family,
    folders: Mapping[str, Path],
    logits: Mapping[str, NDArray[np.float32]],
    test: Split,
    description: Description,
) -> tuple[tuple[Flipped, ...], tuple[str, ...]]:
    """What every student and quantized student flipped, in the order of `logits`; and warnings.

    folders: of each model its artifact; logits: of each model on the test samples, float32 [N, classes]. Where both
    models are saved networks and the samples are images of at most 64 pixels a side, it is told what they look at.
    """
    every: list[Flipped] = []
    warnings: list[str] = []
    for name in logits:
        parent = family[name].parent
        if family[name].role not in _ROLES or parent is None or family[name].repeats is not None:
            continue
        both = logits[parent], logits[name], test.labels.numpy()
        effects = flips.samples_by_effect(*both)
        if not any(map(len, effects.values())):
            continue
        found = flips.of_logits(*both, _chosen(effects))
        shown = tuple(_shown(flip, test, description) for flip in found)
        try:
            shown = _with_maps(shown, (folders[parent], folders[name]), test, description)
        except Exception as error:  # noqa: BLE001  somebody's forward pass may fail in any way
            warnings.append(f"{name}: what it and {parent} look at is not drawn: {told(error)}")
        lost, gained, neither = (len(effects[effect]) for effect in ("lost", "gained", "neither"))
        every.append(Flipped(name, parent, lost, gained, neither, shown))
    return tuple(every), tuple(warnings)


def _chosen(effects: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Samples of each effect, in turn, so that each has its share."""
    turns = itertools.chain.from_iterable(itertools.zip_longest(*(samples.tolist() for samples in effects.values())))
    return np.array(list(itertools.islice((sample for sample in turns if sample is not None), SHOWN)), np.int64)


def _shown(flip: Flip, test: Split, description: Description) -> Shown:
    value = test.samples[flip.sample].numpy()
    picture = description.modality.picture(value)
    return Shown(flip, description.modality.shown(value), None if picture is None else _smaller(picture))


def _smaller(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [C, H, W] of at most 128 pixels a side, each the mean of those that it stands for."""
    side = max(image.shape[1:])
    if side <= 2 * _LARGEST:
        return image
    rows, columns = (max(1, round(2 * _LARGEST * size / side)) for size in image.shape[1:])
    means = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(image).double(), (rows, columns))
    return means.round().to(torch.uint8).numpy()


def _with_maps(
    shown: tuple[Shown, ...], folders: tuple[Path, Path], test: Split, description: Description
) -> tuple[Shown, ...]:
    if any(one.image is None or max(one.image.shape[1:]) > _LARGEST for one in shown):
        return shown
    networks = [saliency.open_network(folder) for folder in folders]
    if None in networks:
        return shown
    images = test.samples[[one.flip.sample for one in shown]]
    maps: list[list[NDArray[np.float32]]] = []
    with one_thread():
        for index, network in enumerate(networks):
            assert network is not None
            targets = [(one.flip.first, one.flip.second)[index].predicted for one in shown]
            found = saliency.attributions(network, images, targets, description)
            maps.append([_scaled(each) for each in found])
    return tuple(replace(one, maps=both) for one, both in zip(shown, zip(*maps, strict=True), strict=True))


def _scaled(attributions: NDArray[np.float64]) -> NDArray[np.float32]:
    summed = attributions.sum(axis=0, keepdims=True)
    largest = np.abs(summed).max()
    return (summed / largest if largest else summed).round(_DIGITS).astype(np.float32)
