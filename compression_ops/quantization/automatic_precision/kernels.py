"""The choice of layers that run on integers, from the models of a network and the clock."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from compression_ops import instruction_sets, quantities
from compression_ops.errors import ModelError
from compression_ops.onnx_model.layers.chosen_kernels import FLOAT, INTEGER, ChosenKernels, LayerKernel, Timed
from compression_ops.quantization.automatic_precision.fastest import NONE, Found, Layers, Search

if TYPE_CHECKING:
    from compression_ops.quantization.widths import Trials

_NAMED = 3  # layers in a sentence


def chosen(trials: "Trials", bound: float, batch_size: int, min_gain: float, max_models: int) -> ChosenKernels:
    """See `fastest`. Each model is built as it would be shipped; weights are rounded to the nearest where it is timed.

    bound       most points of validation accuracy that may be lost
    batch_size  of a call;  min_gain  what less is a tie, in percent of the float model's latency
    max_models  most that are timed

    Raises ModelError where nothing can be timed.
    """
    if trials.timed is None:
        raise ModelError("these models cannot be timed: `minimize: latency` needs sessions of onnxruntime")
    names, timed = tuple(trials.shapes), trials.timed
    expected = float((trials.float_logits.argmax(axis=1) == trials.labels).mean())
    accuracies: dict[Layers, float] = {NONE: expected}

    def bits(model: Layers) -> Mapping[str, int]:
        return {name: INTEGER if name in model else FLOAT for name in names}

    def lost(model: Layers) -> float:
        if model not in accuracies:
            logits = trials.run(bits(model), True).logits
            accuracies[model] = float((logits.argmax(axis=1) == trials.labels).mean())
        return 100 * (expected - accuracies[model])

    def measured(models: Sequence[Layers]) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
        return np.asarray(timed([bits(model) for model in models], batch_size), dtype=np.float64)

    search = Search(names, measured, lost, bound, min_gain / 100, max_models)
    found = search.run()
    lost(found.layers)
    otherwise = search.changed(found.layers)
    layers = tuple(
        LayerKernel(
            name,
            shape,
            math.prod(shape),
            name in found.layers,
            None if (share := otherwise[name]) is None else share * found.float_us,
        )
        for name, shape in trials.shapes.items()
    )
    models = _told(names, found, accuracies)
    gains = [model for model, share in found.shares.items() if share < 1 - min_gain / 100 and model in accuracies]
    is_refused = any(lost(model) > bound for model in gains)
    processor = instruction_sets.model_name()
    return ChosenKernels(
        layers=layers,
        models=models,
        float_validation_accuracy=expected,
        max_accuracy_drop=bound,
        batch_size=batch_size,
        min_gain=min_gain,
        processor=processor,
        onnxruntime=ort.__version__,
        tried=len(found.shares) - 1,
        complete=found.complete,
        sentence=_sentence(layers, models, min_gain, batch_size, processor)
        if found.layers
        else _nothing(found, min_gain, bound if is_refused else None, batch_size, processor),
    )


def _told(names: Sequence[str], found: Found, accuracies: Mapping[Layers, float]) -> tuple[Timed, ...]:
    everything = frozenset(names)
    by_name = {"float": NONE, "8 bits everywhere": everything, "fastest": found.fastest, "chosen": found.layers}
    named = {model: name for name, model in reversed(by_name.items())}  # each once, by its first name
    return tuple(
        Timed(
            named[model],
            tuple(name in model for name in names),
            found.shares[model] * found.float_us,
            accuracies.get(model),
            model == found.layers,
        )
        for model in dict.fromkeys(by_name.values())
        if model in found.shares
    )


def _sentence(
    layers: Sequence[LayerKernel], models: Sequence[Timed], min_gain: float, batch_size: int, processor: str
) -> str:
    """Which layers run on integers and which do not, why, what that saves and costs, and where."""
    integers, floats = ([layer.name for layer in layers if layer.is_integer is each] for each in (True, False))
    chosen = next(model for model in models if model.is_chosen)
    where = f"a batch of {batch_size} on one thread of {processor}"
    before = quantities.duration(models[0].latency_us)
    tie = f"{min_gain:g} % of the float model's latency"
    assert chosen.validation_accuracy is not None
    assert models[0].validation_accuracy is not None
    points = 100 * (models[0].validation_accuracy - chosen.validation_accuracy)
    saved = f"{quantities.duration(chosen.latency_us)} instead of {before} in float"
    cost = f"for {points + 0.0:.2f} points of validation accuracy, measured with {where}"
    stays = (
        f"; {_listed(floats)} {'stays' if len(floats) == 1 else 'stay'} float, where integers gain no more than {tie}, "
        "or lose more accuracy than may be"
        if floats
        else ""
    )
    return f"{_listed(integers)} {'runs' if len(integers) == 1 else 'run'} on integers: {saved} {cost}{stays}"


def _nothing(found: Found, min_gain: float, refused_by: float | None, batch_size: int, processor: str) -> str:
    """Why all layers stay float: what gains loses too much accuracy, or nothing that was timed gains."""
    where = f"a batch of {batch_size} on one thread of {processor}"
    gains = f"more than {min_gain:g} % of the float model's latency, {quantities.duration(found.float_us)} for {where}"
    ended = "" if found.complete else f"; `max_models` ended the search after {len(found.shares) - 1}"
    if refused_by is not None:
        why = f"what gains {gains}, loses more than {refused_by:g} points of validation accuracy"
    else:
        why = f"no choice of layers on integers {'' if found.complete else 'that was timed '}gains {gains}"
    return f"all layers stay float: {why}{ended}"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{len(names)} layers"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
