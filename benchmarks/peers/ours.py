"""This product's quantization: the stage that a recipe's quantized students are made by, as they are by default."""

import hashlib
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import handover
from benchmarks.peers.family import SAMPLES, Family
from benchmarks.peers.handover import Outcome
from compression_ops.quantization.student import MODEL
from compression_ops.spec import Spec
from compression_ops.stages import quantized_student
from compression_ops.stages.quantized_student import QuantizedStudent
from compression_ops.stages.stage import Context

_LEARNING = ("epochs", "batch_size", "learning_rate", "loss", "seed")
_SOURCES = Path(quantized_student.__file__).parents[1]


def ways(training: Spec) -> dict[str, dict[str, Any]]:
    """The fields that a recipe states beside `student`, by the name of the way. LSQ trains on as the student was."""
    stated = training.model_dump()
    learning = {name: stated[name] for name in _LEARNING} | {"weight_decay": 0.0}
    return {
        "int8": {},
        "int4": {"weight_bits": 4},
        "int4_adaround": {"weight_bits": 4, "rounding": "adaround", "bias_correction": True},
        "int4_lsq": {"weight_bits": 4, "method": {"type": "lsq", **learning}},
    }


def quantize(family: Family, output: Path) -> list[Outcome]:
    """In every way, each written to `<way>.onnx`; one that an earlier call made stands if nothing has changed."""
    found = {name: _made(name, fields, family, output) for name, fields in ways(family.training).items()}
    handover.write(output, {}, list(found.values()))
    return list(found.values())


def _made(name: str, fields: dict[str, Any], family: Family, output: Path) -> Outcome:
    calibration = {"method": "minmax", "samples": SAMPLES}
    parameters = QuantizedStudent.model_validate({"calibration": calibration, **fields})
    kept, wanted = output / f"{name}.json", _digest(parameters, family)
    if kept.exists() and (known := json.loads(kept.read_text()))["made_from"] == wanted:
        return Outcome(**known["outcome"])
    seconds = [_seconds(parameters, family, output / f"{name}.onnx") for _ in range(_runs(fields))]
    outcome = Outcome(_call(fields), f"{parameters.weight_bits}, 8", f"{name}.onnx", statistics.median(seconds), None)
    kept.write_text(json.dumps({"made_from": wanted, "outcome": vars(outcome)}))
    return outcome


def _runs(fields: dict[str, Any]) -> int:
    """What learns takes too long to be done again, and imports are nothing beside it."""
    return 1 if "method" in fields else handover.RUNS


def _seconds(parameters: QuantizedStudent, family: Family, target: Path) -> float:
    inputs = {"dataset": family.dataset, "student/float": family.student, "soft_labels": family.soft_labels}
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        quantized_student.run(parameters, inputs, Context(Path(folder)))
        elapsed = time.perf_counter() - started
        target.write_bytes((Path(folder) / MODEL).read_bytes())
    return elapsed


def _call(fields: dict[str, Any]) -> str:
    stated = [f"{name}: {str(value).replace('True', 'true')}" for name, value in fields.items() if name != "method"]
    words = ", ".join([*stated, *(["method: {type: lsq, …}"] if "method" in fields else [])])
    return f"`{words}`" if words else "its defaults"


def _digest(parameters: QuantizedStudent, family: Family) -> str:
    """Of the parameters, the code, and the contents of the artifacts, whose folders are named by them."""
    digest = hashlib.sha256(parameters.model_dump_json().encode())
    for folder in (family.dataset, family.student, family.soft_labels):
        digest.update(folder.name.encode())
    for source in sorted(_SOURCES.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
