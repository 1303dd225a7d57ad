"""Olive: its pass of static quantization, and its block-wise rounding of weights alone."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from olive.data.config import DataComponentConfig, DataConfig
from olive.data.registry import Registry
from olive.model import ONNXModelHandler
from olive.passes.olive_pass import create_pass_from_dict
from olive.passes.onnx.quantization import OnnxStaticQuantization
from olive.passes.onnx.rtn_quantization import OnnxBlockWiseRtnQuantization

from benchmarks.peers import handover
from benchmarks.peers.handover import Images, Way


class _Calibration:
    """What Olive's loader takes for a data set: a pair of inputs by name and a label, which calibration ignores."""

    def __init__(self, file: str) -> None:
        self._images = np.load(file)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[dict[str, Images], int]:
        return {"input": self._images[index]}, 0


@Registry.register_dataset("calibration_images")
def calibration_images(file: str, **_: Any) -> _Calibration:
    """Found by Olive by the name of this function."""
    return _Calibration(file)


def _static(given: Path, output: Path, **settings: Any) -> None:
    load = DataComponentConfig(type="calibration_images", params={"file": str(given / handover.CALIBRATION)})
    data = DataConfig(name="calibration", load_dataset_config=load)
    _run(OnnxStaticQuantization, given, output, {"data_config": data, **settings})


def _int8(given: Path, images: Images, output: Path) -> None:
    _static(given, output)


def _int4(given: Path, images: Images, output: Path) -> None:
    _static(given, output, precision="int4")


def _weights_alone(given: Path, images: Images, output: Path) -> None:
    _run(OnnxBlockWiseRtnQuantization, given, output, {})


def _run(kind: type[Any], given: Path, output: Path, settings: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = create_pass_from_dict(kind, settings, disable_search=True).run(
            ONNXModelHandler(str(given / handover.MODEL)), str(Path(folder) / "model")
        )
        shutil.copyfile(made.model_path, output)


if __name__ == "__main__":
    handover.serve(
        {
            "int8": Way("`OnnxStaticQuantization`", "8, 8", _int8),
            "int4": Way("`OnnxStaticQuantization(precision=int4)`", "4, 8", _int4),
            "int4_weights": Way("`OnnxBlockWiseRtnQuantization`", "4, float", _weights_alone),
        },
        packages=("olive-ai", "onnxruntime", "onnx", "torch"),
    )
