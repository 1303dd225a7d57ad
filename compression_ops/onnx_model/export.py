"""A trained network as a float ONNX model whose bytes depend on its weights and its structure alone.

The exporter's model holds stack traces, source paths, versions and shapes of intermediate values; they would make the
file differ between folders and machines, and larger than the weights of a small network. All of it is dropped here.
"""

import contextlib
import hashlib
import io
import logging
import warnings
from collections import OrderedDict
from collections.abc import Generator
from pathlib import Path

import onnx
import torch
from torch import nn

from compression_ops.errors import ModelError
from compression_ops.models import batch_norm
from compression_ops.models.duplicate import duplicate
from compression_ops.models.network import Network, load, load_network
from compression_ops.onnx_model import frozen, graph, operator_registry, template
from compression_ops.onnx_model.frozen import OnnxNetwork
from compression_ops.onnx_model.kept_graphs import file as graph_file
from compression_ops.onnx_model.kept_graphs import place as kept_graphs
from compression_ops.onnx_model.template import Template

INPUT, OUTPUT, BATCH = "input", "logits", "batch"
# DequantizeLinear knows 4- and 16-bit integers from opset 21 on; every onnxruntime that we allow runs it.
OPSET = 21
_CACHE_BYTES = 64 * 2**20
_cache: OrderedDict[tuple[object, Network, str], bytes] = OrderedDict()
_TEMPLATES = 8
_templates: OrderedDict[tuple[object, Network], Template | None] = OrderedDict()


def export(model: nn.Module, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    """Export `model`: input `input` float32 [batch, *input_shape], output `logits` float32 [batch, classes].

    Batch normalization is folded (see `batch_norm.fold`). The model is exported as in evaluation mode, from a copy on
    the CPU: the argument is not changed. Raises ModelError if torch cannot export it, or if it does not return one
    float tensor with one row a sample.
    """
    if (network := frozen.within(model)) is not None:
        return network.proto() if network is model else _prepared(model, network, input_shape)
    return _export_folded(_folded(model, input_shape), model, input_shape)


def _folded(model: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    folded = batch_norm.fold(duplicate(model).cpu(), input_shape).model
    return folded.to(memory_format=torch.contiguous_format).requires_grad_(False)


def _export_folded(folded: nn.Module, model: nn.Module, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    try:
        return _checked(_traced(folded, input_shape), model)
    except ModelError:
        # What calls len(x), or reads x.shape as plain numbers, fixes the batch size unless its bytecode is traced.
        with contextlib.suppress(ModelError):
            return _checked(_traced(folded, input_shape, bytecode=True), model)
        raise


def _prepared(model: nn.Module, network: OnnxNetwork, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    """A network that is an ONNX model already, behind what rescales and resizes its images."""
    before = duplicate(model)
    before.network = nn.Identity()
    return frozen.joined(_traced(before, input_shape), network)


def _traced(model: nn.Module, input_shape: tuple[int, ...], bytecode: bool = False) -> onnx.ModelProto:
    # Two samples, since torch.export specializes a dimension of size 1.
    sample = (torch.zeros(2, *input_shape),)
    dynamic = ({0: torch.export.Dim(BATCH)},)
    try:
        with _quiet(), _plain_attention(), operator_registry.shared():
            program = torch.export.export(model, sample, dynamic_shapes=dynamic, strict=True) if bytecode else model
            exported = torch.onnx.export(
                program,
                () if bytecode else sample,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=dynamic,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter runs a user's forward: it may fail in any way
        raise ModelError(
            f"{type(model).__name__} could not be exported to ONNX for inputs of shape [{BATCH}, "
            f"{', '.join(map(str, input_shape))}]: {_cause(error)}. Allowed is a network that torch.export can trace, "
            "without control flow that depends on the data or the batch size"
        ) from error
    assert exported is not None
    return graph.minimal(exported.model_proto)


def export_saved(folder: Path) -> onnx.ModelProto:
    """Export the network of a `teacher`, `student` or `control` artifact (see `compression_ops.models.network`).

    The last exports of this process are remembered by the factory, the network and the digest of its weights, so that
    a student which was exported to be quantized is not exported again to be measured; and graphs by the network alone,
    so that its control, its other seeds and what a dry run exported are not traced again, in other processes neither
    where graphs are kept (see `kept_graphs`).
    """
    network = load_network(folder)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    model = load(folder)
    key = (network.factory, network, digest)
    serialized = _cache.pop(key, None) or _of_template(model, network).SerializeToString(deterministic=True)
    _cache[key] = serialized
    while sum(map(len, _cache.values())) > _CACHE_BYTES:
        _cache.popitem(last=False)
    return onnx.ModelProto.FromString(serialized)


def _of_template(model: nn.Module, network: Network) -> onnx.ModelProto:
    """As `export`, with a graph that was traced once for all networks of the kind, where there can be one."""
    if frozen.within(model) is not None:
        return export(model, network.input_shape)
    shape, folded = network.input_shape, _folded(model, network.input_shape)
    kind = (network.factory, network)
    if kind not in _templates:
        try:
            _templates[kind] = _kept_or_traced(folded, model, network)
        except ModelError:
            _templates[kind] = None
        while len(_templates) > _TEMPLATES:
            _templates.popitem(last=False)
    found = _templates[kind]
    filled = None if found is None else found.filled(folded)
    return _export_folded(folded, model, shape) if filled is None else filled


def _kept_or_traced(folded: nn.Module, model: nn.Module, network: Network) -> Template | None:
    """The template of a folded network: of another process, where one keeps it, or made here and kept."""
    place = kept_graphs.of(network)
    if place is not None and (kept := graph_file.read(place)) is not None:
        return kept
    made = template.of_network(folded, lambda drawn: _export_folded(drawn, model, network.input_shape))
    if place is not None and made is not None:
        graph_file.write(made, place)
    return made


def _checked(exported: onnx.ModelProto, model: nn.Module) -> onnx.ModelProto:
    """By the checks that torch does not make: one input, one float output of two axes, the first of them the batch."""
    outputs = [(value.name, _shape(value)) for value in exported.graph.output]
    first = exported.graph.output[0].type.tensor_type
    if len(outputs) != 1 or len(outputs[0][1]) != 2 or first.elem_type != onnx.TensorProto.FLOAT:
        raise ModelError(
            f"{type(model).__name__} returns {outputs} instead of one float32 tensor [{BATCH}, classes]; "
            "let its forward return the logits alone"
        )
    if outputs[0][1][0] != BATCH or _shape(exported.graph.input[0])[0] != BATCH:
        raise ModelError(
            f"{type(model).__name__} mixes samples or fixes the batch size: its logits have shape "
            f"{outputs[0][1]} for inputs {_shape(exported.graph.input[0])}; allowed is one row of logits a sample"
        )
    return exported


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def _cause(error: BaseException) -> str:
    """The innermost cause in one line: the exporter wraps it in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {line}"


@contextlib.contextmanager
def _plain_attention() -> Generator[None]:
    """Without torch's operator for a whole layer of a transformer, which ONNX has not."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """No progress lines, warnings, logs or graphs of the exporter: what it has to say that matters, it raises."""
    loggers = [
        logging.getLogger(name)
        for name in ("torch.onnx", "torch.export", "torch.fx", "torch._dynamo", "onnxscript", "onnx_ir")
    ]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
