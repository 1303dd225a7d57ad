"""NNCF, OpenVINO's Neural Network Compression Framework, on ONNX: static, and of weights alone."""

from pathlib import Path

import nncf
import onnx

from benchmarks.peers import handover
from benchmarks.peers.handover import Images, Way


def _quantize(given: Path, images: Images, output: Path) -> None:
    # Its default of 300 samples would leave out most of what the others are calibrated on.
    dataset = nncf.Dataset(list(handover.batches_of_one(images)))
    onnx.save(nncf.quantize(onnx.load(given / handover.MODEL), dataset, subset_size=len(images)), output)


def _compress_weights(given: Path, images: Images, output: Path) -> None:
    model = onnx.load(given / handover.MODEL)
    onnx.save(nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT4_SYM), output)


def _compress_weights_of_layers(given: Path, images: Images, output: Path) -> None:
    # Also the last layer, which is left at 8 bits by default, and a scale a channel, as no group of 128 divides it.
    model, convolutions = onnx.load(given / handover.MODEL), nncf.IgnoredScope(types=["Conv"])
    mode = nncf.CompressWeightsMode.INT4_SYM
    compressed = nncf.compress_weights(model, mode=mode, ignored_scope=convolutions, group_size=-1, all_layers=True)
    onnx.save(compressed, output)


if __name__ == "__main__":
    handover.serve(
        {
            "int8": Way("`quantize(subset_size=1024)`", "8, 8", _quantize),
            "int4_weights": Way("`compress_weights(mode=INT4_SYM)`", "4, float", _compress_weights),
            "int4_weights_of_layers": Way(
                "`compress_weights(mode=INT4_SYM, ignored_scope=IgnoredScope(types=['Conv']), group_size=-1, "
                "all_layers=True)`",
                "4, float",
                _compress_weights_of_layers,
            ),
        },
        packages=("nncf", "onnx", "onnxruntime"),
    )
