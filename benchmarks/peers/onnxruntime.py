"""onnxruntime's own quantization tools: static, in QDQ form, and of weights alone."""

from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from benchmarks.peers import handover
from benchmarks.peers.handover import Images, Way


class _Reader(CalibrationDataReader):
    """Yields one image a call, then None."""

    def __init__(self, images: Images) -> None:
        self._batches = handover.batches_of_one(images)

    def get_next(self) -> dict[str, Images] | None:
        return next(self._batches, None)


def _static(given: Path, images: Images, output: Path) -> None:
    quantize_static(given / handover.MODEL, output, _Reader(images))


def _static_int4(given: Path, images: Images, output: Path) -> None:
    quantize_static(given / handover.MODEL, output, _Reader(images), weight_type=QuantType.QInt4)


def _weights_alone(given: Path, images: Images, output: Path) -> None:
    quantizer = MatMulNBitsQuantizer(onnx.load(given / handover.MODEL))
    quantizer.process()
    quantizer.model.save_model_to_file(str(output))


if __name__ == "__main__":
    handover.serve(
        {
            "int8": Way("`quantize_static`", "8, 8", _static),
            "int4": Way("`quantize_static(weight_type=QInt4)`", "4, 8", _static_int4),
            "int4_weights": Way("`MatMulNBitsQuantizer`", "4, float", _weights_alone),
        },
        packages=("onnxruntime", "onnx"),
    )
