"""Intel Neural Compressor: torch's PT2E route, then torch's exporter to ONNX, since it writes none itself."""

from pathlib import Path

import torch
from neural_compressor.torch.quantization import StaticQuantConfig, convert, prepare

from benchmarks.peers import handover
from benchmarks.peers.handover import Images, Way

_BATCH = {0: torch.export.Dim("batch")}


def _pt2e(given: Path, images: Images, output: Path) -> None:
    network = torch.export.load(given / handover.TORCH_MODEL).module()
    network._exported = True  # as its own `export` says of what it made; that takes no network which is exported
    network.dynamic_shapes = (_BATCH,)
    prepared = prepare(network, StaticQuantConfig(), example_inputs=(torch.from_numpy(images[:2]),))
    for image in images:
        prepared(torch.from_numpy(image[None]))
    torch.onnx.export(
        convert(prepared),
        (torch.from_numpy(images[:2]),),
        str(output),
        input_names=["input"],
        output_names=["logits"],
        dynamic_shapes=(_BATCH,),
        external_data=False,
        dynamo=True,
    )


if __name__ == "__main__":
    handover.serve(
        {"int8": Way("`StaticQuantConfig` (PT2E), `torch.onnx.export`", "8, 8", _pt2e)},
        packages=("neural-compressor", "torchao", "torch", "onnxscript"),
    )
