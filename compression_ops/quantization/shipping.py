"""From a float model and a mapping to the bytes that are shipped, and what these say of a split."""

from dataclasses import dataclass

import numpy as np
import onnx

from compression_ops.data.dataset import Description, Split
from compression_ops.errors import ModelError
from compression_ops.onnx_model import metadata, opset, raw_samples, session
from compression_ops.quantization import qdq, representable
from compression_ops.quantization.mapping import QuantizationMapping
from compression_ops.quantization.post_training import refinement
from compression_ops.quantization.precision import NEWEST_OPSET, Precision

# Float32 sums in another order differ by some 1e-6 of the range of the logits; one step of 8 bits is 4e-3 of it. An
# export that is off by 1e-3 computes something else.
LARGEST_EXPORT_ERROR = 1e-3
_CHUNK = 256


@dataclass(frozen=True)
class Shipped:
    """quantized   as it was made, of normalized images
    written     the same in the opset of the recipe
    serialized  the file: it takes uint8 pixels
    """

    quantized: qdq.QdqModel
    written: onnx.ModelProto
    serialized: bytes


@dataclass(frozen=True)
class Shipping:
    """What all models of one quantized student share.

    images       float32 [N, ...], the calibration samples, normalized
    description  of the data set
    left         the tensors that stay float, for the error if nothing else is there
    """

    precision: Precision
    images: np.ndarray
    description: Description
    left: tuple[str, ...]

    def ship(
        self, twin: onnx.ModelProto, mapping: QuantizationMapping, refined: bool = True, stays_float: bool = False
    ) -> Shipped:
        """The model of the float `twin`; `refined`: with rounding and biases as the precision asks; `stays_float`: of a
        mapping of nothing, the twin itself.

        Raises ModelError where nothing can be quantized, or where the opset makes of it something else.
        """
        if refined and not stays_float:
            twin, mapping = refinement.refined(twin, mapping, self.precision, self.images)
        quantized = qdq.QdqModel(twin, {}, {}) if stays_float else self._quantized(twin, mapping)
        written = _in_opset(self.precision.opset, quantized.model, self.images)
        shipped = raw_samples.normalizing(written, self.description)
        metadata.describe(shipped, self.description)
        return Shipped(quantized, written, shipped.SerializeToString(deterministic=True))

    def _quantized(self, twin: onnx.ModelProto, mapping: QuantizationMapping) -> qdq.QdqModel:
        try:
            return qdq.write(twin, mapping, int4=self.precision.opset >= NEWEST_OPSET)
        except ModelError as error:
            if not self.left:
                raise
            (why,) = representable.warnings(twin, self.left, self.precision.activation_bits)
            raise ModelError(f"nothing is left that could be quantized: {why}") from error


def logits(model: bytes, split: Split, description: Description) -> np.ndarray:
    """float32 [N, classes] of a serialized model that takes pixels or normalized images, on a split."""
    running = session.open_session(model)
    images = split.samples.numpy()
    # The float32 input of a whole split would take four times its memory.
    starts = range(0, len(images), _CHUNK)
    chunks = (raw_samples.inputs(running, images[start : start + _CHUNK], description) for start in starts)
    return np.concatenate([session.predict(running, chunk, _CHUNK) for chunk in chunks])


def _in_opset(version: int, model: onnx.ModelProto, images: np.ndarray) -> onnx.ModelProto:
    found = opset.lowered(model, version)
    if found is not model:
        before, after = (
            session.predict(session.open_session(each.SerializeToString()), images, _CHUNK) for each in (model, found)
        )
        if not np.abs(before - after).max() <= LARGEST_EXPORT_ERROR * np.ptp(before):
            raise ModelError(f"in opset {version} the model computes something else. Allowed is a larger `opset`")
    return found
