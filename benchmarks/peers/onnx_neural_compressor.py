"""Intel Neural Compressor's ONNX route, a package of its own since release 3: static."""

import tempfile
from pathlib import Path

import onnx
from onnx_neural_compressor.data_reader import CalibrationDataReader
from onnx_neural_compressor.quantization import quantize
from onnx_neural_compressor.quantization.config import StaticQuantConfig

from benchmarks.peers import handover
from benchmarks.peers.handover import Images, Way


class _Reader(CalibrationDataReader):
    """Yields one image a call, then None; may begin anew."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self.rewind()

    def get_next(self) -> dict[str, Images] | None:
        return next(self._batches, None)

    def rewind(self) -> None:
        self._batches = handover.batches_of_one(self._images)


def _static(given: Path, images: Images, output: Path) -> None:
    # Its default of 100 samples would leave out most of what the others are calibrated on.
    config = StaticQuantConfig(_Reader(images), calibration_sampling_size=len(images))
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "quantized.onnx"
        quantize(str(given / handover.MODEL), str(written), config)
        # It keeps weights in a file beside the model, which is told as one.
        onnx.save(onnx.load(written), output)


if __name__ == "__main__":
    handover.serve(
        {"int8": Way("`StaticQuantConfig(calibration_sampling_size=1024)`", "8, 8", _static)},
        packages=("onnx-neural-compressor", "onnxruntime", "onnx"),
    )
