"""`architecture: onnx`: a trained network of which there is only an ONNX file. It is run as it is, and never trained.

It is a torch module whose one buffer holds the model's bytes, so that it is saved, loaded and evaluated as any other;
its export is the model itself.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, compose, version_converter
from torch import Tensor, nn

from compression_ops.errors import ModelError
from compression_ops.models.preprocessing import bare
from compression_ops.onnx_model import graph, session

_SOFTMAX = "Softmax"
_INPUT, _OUTPUT, _BATCH = "input", "logits", "batch"
_OPSET = 21


class OnnxNetwork(nn.Module):
    """float32 [N, C, H, W] -> logits float32 [N, classes], computed by onnxruntime on the CPU.

    image_shape  (C, H, W) that it is given
    """

    serialized: Tensor

    def __init__(self, image_shape: tuple[int, int, int], classes: int, model: Tensor | None = None) -> None:
        super().__init__()
        self._image_shape, self._classes = image_shape, classes
        self._session: ort.InferenceSession | None = None
        self.register_buffer("serialized", torch.empty(0, dtype=torch.uint8) if model is None else model)

    def take(self, model: bytes, source: str) -> tuple[str, ...]:
        """Be the network of an ONNX file; returns sentences that a user should read.

        Raises ModelError, with `source` in it, for a model that does not map such images to such logits.
        """
        proto, told = _fitted(model, source, self._image_shape, self._classes)
        self._be(torch.frombuffer(bytearray(proto.SerializeToString(deterministic=True)), dtype=torch.uint8))
        return told

    def proto(self) -> onnx.ModelProto:
        """Input `input`, output `logits`, as `export` makes them."""
        return onnx.ModelProto.FromString(self.serialized.numpy().tobytes())

    def forward(self, images: Tensor) -> Tensor:
        if len(self.serialized) == 0:
            return images.new_zeros(len(images), self._classes)  # built, and not loaded yet
        if self._session is None:
            self._session = session.open_session(self.serialized.numpy().tobytes(), torch.get_num_threads())
        inputs = np.ascontiguousarray(images.detach().cpu().numpy())
        return torch.from_numpy(session.predict(self._session, inputs, max(len(inputs), 1))).to(images.device)

    def _be(self, model: Tensor) -> None:
        self.serialized, self._session = model, None

    def _load_from_state_dict(  # pyright: ignore[reportIncompatibleMethodOverride] - by position, as torch calls it
        self, state_dict: Mapping[str, Any], prefix: str, *rest: Any
    ) -> None:
        self._be(state_dict[f"{prefix}serialized"])

    def __deepcopy__(self, memo: dict[int, object]) -> "OnnxNetwork":
        return OnnxNetwork(self._image_shape, self._classes, self.serialized.clone())


def build(input_shape: tuple[int, int, int], classes: int) -> OnnxNetwork:
    """The network without its model, which `take` or `load_state_dict` gives it."""
    return OnnxNetwork(input_shape, classes)


def within(model: nn.Module) -> OnnxNetwork | None:
    """The network in a model, behind what rescales and resizes its images; None for a network of torch."""
    inner = bare(model)
    return inner if isinstance(inner, OnnxNetwork) else None


def joined(first: onnx.ModelProto, network: OnnxNetwork) -> onnx.ModelProto:
    """What is computed before the network, a model with one output `logits`, and then the network itself."""
    before = compose.add_prefix(first, "before/")
    after = network.proto()
    before.ir_version = after.ir_version
    merged = compose.merge_models(before, after, [(before.graph.output[0].name, after.graph.input[0].name)])
    _rename(merged.graph, merged.graph.input[0].name, _INPUT)
    return graph.minimal(merged)


def _fitted(
    serialized: bytes, source: str, image_shape: tuple[int, int, int], classes: int
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    try:
        model = onnx.ModelProto.FromString(serialized)
        _require_whole(model, source)
        onnx.checker.check_model(model)
    except ModelError:
        raise
    except Exception as error:  # protobuf's and the checker's own classes
        raise ModelError(f"{source} is no readable ONNX model: {str(error).splitlines()[0]}") from error
    _check(model.graph, source, image_shape, classes)
    told = _without_softmax(model.graph, source)
    _rename(model.graph, model.graph.input[0].name, _INPUT)
    _rename(model.graph, model.graph.output[0].name, _OUTPUT)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    del model.graph.value_info[:]  # which may state the former batch size
    try:
        model = version_converter.convert_version(model, _OPSET) if _opset(model) < _OPSET else model
        model = graph.minimal(model)
        _check_batches(model, image_shape, classes)
    except Exception as error:  # onnx's own classes, and whatever onnxruntime says of a fixed batch size
        raise ModelError(
            f"{source} does not run on images of shape {list(image_shape)} in batches of any size: "
            f"{str(error).splitlines()[0]}. Export it with a dynamic batch axis, in operators of ONNX alone"
        ) from error
    return model, told


def _require_whole(model: onnx.ModelProto, source: str) -> None:
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(
            f"{source} keeps its weights in a file beside it; the digest of one file could not tell a change of the "
            f'other. Write both into one, and name that:\n  python -c "import onnx; '
            f"onnx.save(onnx.load('{source}'), 'whole_{source}')\"\n"
            "  (torch.onnx.export does so by itself with external_data=False)"
        )


def _opset(model: onnx.ModelProto) -> int:
    return max((found.version for found in model.opset_import if found.domain in ("", "ai.onnx")), default=_OPSET)


def _check(network: onnx.GraphProto, source: str, image_shape: tuple[int, int, int], classes: int) -> None:
    constants = {tensor.name for tensor in network.initializer}
    inputs = [value for value in network.input if value.name not in constants]
    if len(inputs) != 1 or len(network.output) != 1:
        raise ModelError(
            f"{source} has the inputs {[value.name for value in inputs]} and the outputs "
            f"{[value.name for value in network.output]}; allowed is one of each: images and logits"
        )
    taken, given = _sizes(inputs[0]), _sizes(network.output[0])
    if inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT or len(taken) != 4:
        kind = TensorProto.DataType.Name(inputs[0].type.tensor_type.elem_type)
        raise ModelError(f"{source} takes {kind} {taken}; allowed is FLOAT [batch, channels, height, width]")
    if any(own not in (0, size) for own, size in zip(taken[1:], image_shape, strict=True)):
        cure = (
            f"State `image_size: {taken[2]}`, which resizes them for it"
            if taken[1] in (0, image_shape[0]) and taken[2] == taken[3]
            else "Export it for such images, channels first"
        )
        raise ModelError(f"{source} takes images of shape {taken[1:]}, and is given {list(image_shape)}. {cure}")
    if len(given) == 2 and given[1] not in (0, classes):
        raise ModelError(
            f"{source} tells {given[1]} classes apart, and the data have {classes}; it must be of the same"
        )


def _sizes(value: onnx.ValueInfoProto) -> list[int]:
    """0 for a size that is not fixed."""
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def _without_softmax(network: onnx.GraphProto, source: str) -> tuple[str, ...]:
    """Losses take logits: every softmax over the classes at the end is taken off, and what passes it on.

    Probabilities that come about in another way are refused where the network is first asked.
    """
    removed = False
    while (last := _ending(network)) is not None:
        removed = True
        for node in last:
            network.node.remove(node)
        network.output[0].name = last[-1].input[0]
    if not removed:
        return ()
    return (f"{source} ends in a softmax, which was left out: losses and soft labels take its logits",)


def _ending(network: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """The nodes from the output back to a softmax over classes; None where there is none."""
    made_by = {name: node for node in network.node for name in node.output}
    nodes: list[onnx.NodeProto] = []
    name = network.output[0].name
    while (node := made_by.get(name)) is not None and node.op_type in (_SOFTMAX, "Identity"):
        nodes.append(node)
        if node.op_type == _SOFTMAX:
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
            return nodes if axis in (1, -1) else None
        name = node.input[0]
    return None


def _rename(network: onnx.GraphProto, old: str, new: str) -> None:
    if old == new:
        return
    for node in network.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = {old: new, new: f"{new}/inner"}.get(name, name)
    for value in (*network.input, *network.output, *network.initializer):
        value.name = {old: new, new: f"{new}/inner"}.get(value.name, value.name)


def _check_batches(model: onnx.ModelProto, image_shape: tuple[int, int, int], classes: int) -> None:
    running = session.open_session(model.SerializeToString())
    for size in (1, 3):
        found = session.predict(running, np.zeros((size, *image_shape), np.float32), size)
        if found.shape != (size, classes):
            raise ModelError(f"its output for {size} images is {list(found.shape)}, not {[size, classes]}")
