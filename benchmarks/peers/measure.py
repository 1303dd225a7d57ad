"""Every model on the same test split, and against the clock side by side, as models that take pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from benchmarks.peers.handover import last_line
from compression_ops.data.dataset import Description, Split, load_description, load_split
from compression_ops.errors import ModelError
from compression_ops.evaluation import cost, latency, quality
from compression_ops.evaluation.measurements import Cost
from compression_ops.evaluation.statistics import PairedTest, mcnemar
from compression_ops.onnx_model import raw_samples
from compression_ops.onnx_model.session import open_session
from compression_ops.quantization import shipping

_ITERATIONS, _WARMUP = 1000, 50


@dataclass(frozen=True)
class Measured:
    """One model on the test split.

    against_float  first is the model, second the float student
    cost           of the file as it was written
    latencies      median microseconds of a call with one image, one a repetition
    float_weights  whether the weights of the file take as many bytes as those of the float student
    """

    accuracy: float
    against_float: PairedTest
    cost: Cost
    latencies: tuple[float, ...]
    float_weights: bool


def measure(
    floating: Path, files: Mapping[str, Path], dataset: Path, repetitions: int
) -> dict[str, Measured | ModelError]:
    """The float student, whose name is "", and each file by its name; the cause where this onnxruntime cannot run one.

    Latencies are those of one thread. All models take turns within a repetition, in an order drawn anew each round.
    """
    description, test = load_description(dataset), load_split(dataset, "test")
    everything = {"": floating, **files}
    opened = {name: _opened(file, description, test) for name, file in everything.items()}
    running = {name: found for name, found in opened.items() if not isinstance(found, ModelError)}
    latencies = _latencies({name: model for name, (model, _, _) in running.items()}, test, repetitions)
    labels = test.labels.numpy()
    right = {name: logits.argmax(axis=1) == labels for name, (_, logits, _) in running.items()}
    float_bytes = running[""][2].weight_bytes
    measured = {
        name: Measured(
            float(right[name].mean()),
            mcnemar(right[name], right[""]),
            own,
            latencies[name],
            name != "" and own.weight_bytes >= float_bytes,
        )
        for name, (_, _, own) in running.items()
    }
    failed = {name: found for name, found in opened.items() if isinstance(found, ModelError)}
    return {**measured, **failed}


def _opened(file: Path, description: Description, test: Split) -> tuple[bytes, NDArray[np.float32], Cost] | ModelError:
    """The model as one that takes pixels, its logits on the test split, and its cost."""
    try:
        model = raw_samples.normalizing(onnx.load(file), description).SerializeToString(deterministic=True)
        logits = shipping.logits(model, test, description)
        quality.check_logits(file.stem, logits, len(test), len(description.classes))
        return model, logits, _cost(file)
    except ModelError as error:
        return error
    except Exception as error:  # noqa: BLE001 - onnxruntime has no base class of its errors, and a tool may write anything
        return ModelError(f"{type(error).__name__}: {last_line(str(error))}")


def _cost(file: Path) -> Cost:
    """Counted too are float weights that the model itself quantizes, when a session loads."""
    found, graph = cost.measure(file), onnx.load(file).graph
    quantized = {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    late = [numpy_helper.to_array(tensor).nbytes for tensor in graph.initializer if tensor.name in quantized]
    return replace(found, weight_bytes=found.weight_bytes + sum(late))


def _latencies(models: Mapping[str, bytes], test: Split, repetitions: int) -> dict[str, tuple[float, ...]]:
    sessions = {name: open_session(model) for name, model in models.items()}
    images = test.samples[:1].numpy()
    rounds: Sequence[Mapping[tuple[str, int], latency.Latency]] = [
        latency.measure(sessions, images, [1], _ITERATIONS, _WARMUP, _quiet) for _ in range(repetitions)
    ]
    return {name: tuple(each[name, 1].p50_us for each in rounds) for name in models}


def _quiet(done: int, total: int) -> None:
    """Progress that nobody is told."""
