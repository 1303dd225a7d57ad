"""A made-up report of five models on 400 test samples, whose numbers can be told by hand."""

import numpy as np

from compression_ops.evaluation.conditions import Conditions
from compression_ops.evaluation.latency import summarize
from compression_ops.evaluation.measurements import Cost, Measurements, Timings, compare
from compression_ops.evaluation.processor import Processor
from compression_ops.evaluation.targets.agreement import Agreement
from compression_ops.report.contents import Report
from compression_ops.report.limits import Limits
from tests.compression_ops import families

CLASSES = ("cat", "dog|wolf", "<b>owl</b>", "eel")
PARENTS: dict[str, str | None] = {
    "quantized_student/int4": "student/small",
    "quantized_student/int8": "student/small",
    "student/small": "teacher",
    "control/small": "student/small",
    "teacher": None,
}
# Of the 400 samples the last ones are wrong, each for the next class.
WRONG = {
    "teacher": 4,
    "student/small": 8,
    "control/small": 20,
    "quantized_student/int8": 9,
    "quantized_student/int4": 40,
}
FILE_BYTES = {
    "teacher": 100_000,
    "student/small": 10_000,
    "control/small": 10_000,
    "quantized_student/int8": 4_000,
    "quantized_student/int4": 2_500,
}
SPEED_US = {
    "teacher": 1000.0,
    "student/small": 200.0,
    "control/small": 200.0,
    "quantized_student/int8": 100.0,
    "quantized_student/int4": 125.0,
}
LABELS = np.tile(np.arange(4), 100)


_INT8 = "quantized_student/int8"
TARGETS = (
    Agreement("target/int8/onnx", _INT8, "onnx", "onnxruntime 1.17", 4_321, 0, 0.0),
    Agreement("target/int8/watch", _INT8, "watch", None, 12_345, 3, 0.0075),
)


def logits(wrong: int) -> np.ndarray:
    predictions = LABELS.copy()
    if wrong:
        predictions[-wrong:] = (predictions[-wrong:] + 1) % 4
    return 5 * np.eye(4, dtype=np.float32)[predictions]


def measurements(
    names: tuple[str, ...] = tuple(PARENTS), batch_sizes: tuple[int, ...] = (1, 32), with_targets: bool = False
) -> Measurements:
    """Those of some of the models; each latency is exactly SPEED_US times the batch size, in every call."""
    models = compare(
        families.family({name: PARENTS[name] for name in names}),
        {name: logits(WRONG[name]) for name in names},
        LABELS,
        {name: Cost(1000, FILE_BYTES[name], FILE_BYTES[name] - 500, 1_234_567) for name in names},
    )
    latency = {(name, size): summarize(np.full(50, SPEED_US[name] * size)) for name in names for size in batch_sizes}
    processor = Processor("Example *CPU*", ("AVX2",), 2)
    conditions = Conditions(batch_sizes=list(batch_sizes), threads=1, iterations=50, warmup=5)
    timings = Timings(processor, "1.0", latency, dict.fromkeys(names, 5000000))
    return Measurements(CLASSES, 400, models, conditions, timings, targets=TARGETS if with_targets else ())


def report(names: tuple[str, ...] = tuple(PARENTS), batch_sizes: tuple[int, ...] = (1, 32)) -> Report:
    """Their report."""
    return Report(measurements(names, batch_sizes), Limits(max_accuracy_drop=0.5, min_compression=20.0))
