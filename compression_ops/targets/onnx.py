"""The model itself, in an older opset where an older runtime asks for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data.misfit import Misfit
from compression_ops.errors import ModelError
from compression_ops.quantization.precision import NEWEST_OPSET, OLDEST_OPSET, Precision
from compression_ops.spec import Spec
from compression_ops.target import Predictor, Written

if TYPE_CHECKING:
    import onnx

ALLOWED_DIFFERENCES = 0.0
IS_TIMED = True
MODEL = "model.onnx"
_WIDE, _PACKED_BITS = 16, 4
# Which onnxruntime ran which opset: see `onnx_model.opset`. None older than the last was tried.
_OLDEST_RUNTIMES = {21: "1.20", 20: "1.17", 19: "1.16", 18: "1.15"}
_OLDEST_WITH_INT4 = "1.23"  # 1.22 has no kernel that casts them


class Onnx(Spec):
    """The model as ONNX, in an older opset for runtimes that read no newer one."""

    type: Literal["onnx"] = "onnx"
    opset: int | None = Field(
        default=None,
        ge=OLDEST_OPSET,
        le=NEWEST_OPSET,
        description="At most that of the quantized student, which it is by default.",
    )


def misfits(spec: Onnx, precision: Precision) -> Iterator[Misfit]:
    """A newer opset than the model's, and one that its integers are too new for."""
    if spec.opset is None:
        return
    if spec.opset > precision.opset:
        yield Misfit(
            "opset", f"at most {precision.opset}, the quantized student's own `opset`: a model is only written older"
        )
    elif spec.opset < NEWEST_OPSET == precision.opset:
        if precision.weight_bits == _PACKED_BITS:
            older = f"`opset: {spec.opset}` of the quantized student itself, whose weights are packed then"
            yield Misfit("opset", f"{NEWEST_OPSET}, the first with integers of {_PACKED_BITS} bits; or {older}")
        if precision.activation_bits == _WIDE:
            yield Misfit("opset", f"{NEWEST_OPSET}, the first with activations of {_WIDE} bits")


def write(spec: Onnx, model: Path, folder: Path) -> Written:
    """Write `model.onnx`; without an older opset its bytes are the model's.

    Raises ModelError for a newer opset than the model's, and where an operator or a type has no older form.
    """
    import onnx

    from compression_ops.onnx_model.opset import lowered

    source = onnx.load(model)
    own = _opset(source)
    asked = own if spec.opset is None else spec.opset
    if asked > own:
        raise ModelError(
            f"the model is of opset {own}, and the target onnx asks for {asked}: a model is only written older. "
            f"Allowed is at most {own}, or a larger `opset` of the quantized student"
        )
    older = lowered(source, asked)
    if older is source:
        (folder / MODEL).write_bytes(model.read_bytes())
    else:
        onnx.helper.set_model_props(older, {entry.key: entry.value for entry in source.metadata_props})
        (folder / MODEL).write_bytes(older.SerializeToString(deterministic=True))
    return Written((MODEL,), f"onnxruntime {_oldest(older, asked)}", {"opset": float(asked)})


def predictor(spec: Onnx, folder: Path, threads: int) -> Predictor:
    """In onnxruntime's session."""
    from compression_ops.onnx_model import classifier

    return classifier.opened(folder / MODEL, threads)


def _oldest(model: "onnx.ModelProto", opset: int) -> str:
    from onnx import TensorProto

    if any(tensor.data_type == TensorProto.INT4 for tensor in model.graph.initializer):
        return _OLDEST_WITH_INT4
    return _OLDEST_RUNTIMES[max(opset, min(_OLDEST_RUNTIMES))]


def _opset(model: "onnx.ModelProto") -> int:
    return next(found.version for found in model.opset_import if found.domain in ("", "ai.onnx"))
