"""OpenVINO's intermediate representation, for Intel's processors, graphics and neural units.

OpenVINO chooses its kernels when it compiles a model for a device. Its sums are of other order than onnxruntime's, and
what it computes between integer layers it may round otherwise: a sample in a thousand may fall to another class.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compression_ops.errors import ModelError
from compression_ops.spec import Spec
from compression_ops.target import Predictor, Written

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

ALLOWED_DIFFERENCES = 0.001
IS_TIMED = True
MODEL, WEIGHTS = "model.xml", "model.bin"
_COMPUTING = ("Convolution", "FullyConnected", "MatMul")
_INTEGERS = ("i8", "u8")
# OpenVINO's default is bfloat16 on a processor that has it, which rounds a column's large numbers before they are
# normalized. Such a hint in a model's file it does not read again, so whoever compiles the model states it.
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32"}
_MISSING = (
    "the target openvino needs the package openvino, which is not installed here: "
    "pip install 'compression-pipeline[openvino]'; or leave the target out"
)


class OpenVINO(Spec):
    """OpenVINO's intermediate representation."""

    type: Literal["openvino"] = "openvino"


def write(spec: OpenVINO, model: Path, folder: Path) -> Written:
    """Write `model.xml` and `model.bin`. Raises ModelError without OpenVINO, or where it cannot convert the model."""
    openvino = _package()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / "model.onnx").write_bytes(_unpacked(model))
            converted = openvino.convert_model(str(Path(scratch) / "model.onnx"))
            _name(converted)
            openvino.save_model(converted, str(folder / MODEL), compress_to_fp16=False)
        kernels = _precisions(_compiled(folder, threads=1))
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO {openvino.__version__} cannot convert the model: {str(error).strip()}. Allowed is a network of "
            "operators that it has; or leave the target openvino out"
        ) from error
    integer = sum(precision in _INTEGERS for precision in kernels)
    share = integer / len(kernels) if kernels else 0.0
    warnings = () if share == 1 else (_floats(len(kernels) - integer, len(kernels)),)
    return Written((MODEL, WEIGHTS), None, {"integer_share": share}, warnings, settings=_SETTINGS)


def predictor(spec: OpenVINO, folder: Path, threads: int) -> Predictor:
    """Compiled for the processor."""
    compiled = _compiled(folder, threads)
    request = compiled.create_infer_request()

    def classify(images: "NDArray[np.uint8]") -> "NDArray[Any]":
        return request.infer([images])[0].copy()

    return classify


def _unpacked(model: Path) -> bytes:
    """The model with whatever it computes from its weights alone computed: packed integers as the bytes that they are.
    Integers that are made floats and integers again, as the ids of words are, stay integers.

    onnxruntime does so when a session loads; OpenVINO would compute with weights in float, and round ids to its floats.
    """
    import onnx
    from onnx import numpy_helper

    from compression_ops.onnx_model import constants

    source = onnx.load(model)
    graph = source.graph
    stored = {tensor.name for tensor in graph.initializer}
    computed = {name: each.array for name, each in constants.of(source).items() if name not in stored}
    _keep_integers(graph)
    rest = [node for node in graph.node if not computed.keys() >= set(filter(None, node.output))]
    used = {name for node in rest for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    tensors += [numpy_helper.from_array(array, name) for name, array in computed.items() if name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(rest)
    graph.initializer.extend(tensors)
    return source.SerializeToString(deterministic=True)


def _keep_integers(graph: "onnx.GraphProto") -> None:
    """What an input of integers is cast to and back is the input itself: float32 holds every id exactly."""
    kinds = {each.name: each.type.tensor_type.elem_type for each in graph.input}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    same = dict[str, str]()
    for node in list(graph.node):
        source = casts.get(node.input[0]) if node.op_type == "Cast" else None
        if source in kinds and node.attribute[0].i == kinds[source]:
            same[node.output[0]] = source
            graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    used = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    for node in [each for each in graph.node if each.op_type == "Cast" and each.output[0] not in used]:
        graph.node.remove(node)


def _name(model: Any) -> None:
    """By operator and position: what OpenVINO calls them depends on what the process converted before."""
    for position, node in enumerate(model.get_ordered_ops()):
        if node.get_type_name() != "Parameter":
            node.set_friendly_name(f"{node.get_type_name()}_{position}")


def missing(spec: OpenVINO) -> str | None:
    """The package, where it is not installed."""
    del spec
    return None if find_spec("openvino") is not None else _MISSING


def _package() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ModelError(_MISSING) from error
    return openvino


def _compiled(folder: Path, threads: int) -> Any:
    openvino = _package()
    settings = {**_SETTINGS, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    try:
        return openvino.Core().compile_model(str(folder / MODEL), "CPU", settings)
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO {openvino.__version__} cannot run the model on this processor: {str(error).strip()}. Allowed is "
            "a network of operators that it has; or leave the target openvino out"
        ) from error


def _precisions(compiled: Any) -> list[str]:
    """In what each layer that multiplies is computed, as OpenVINO tells of the graph that it runs."""
    nodes = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    return [node["runtimePrecision"] for node in nodes if node["layerType"] in _COMPUTING]


def _floats(floating: int, layers: int) -> str:
    return (
        f"OpenVINO computes {floating} of the {layers} layers that multiply in float: its kernels of 8 bits want "
        "8-bit weights and activations beside every one of them"
    )
