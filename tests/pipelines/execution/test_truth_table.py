"""The truth table: every parameter of a recipe and every module of the science against what it computes.

The rows run in copies of the project through real Dagster runs (tests/pipelines/truth_table.py); each row starts from
the same finished run, and its revert must compute nothing. The expected sets are written by hand. Where a row promoted
another champion, its revert is another question: whether the former model should replace that one.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipelines.graph.flatten import flatten
from pipelines.recipe import file
from tests.conftest import REPOSITORY
from tests.pipelines import recipes
from tests.pipelines.truth_table_modules import MODULES

TEACHER, LABELS, STUDENT, CONTROL = "teacher", "soft_labels", "student/small", "control/small"
QUANTIZED, REPORT, CHAMPION = "quantized_student/int8", "benchmark_report", "champion"

FROM_REPORT = (REPORT, CHAMPION)
FROM_QUANTIZED = (QUANTIZED, *FROM_REPORT)
FROM_STUDENT = (STUDENT, *FROM_QUANTIZED)
FROM_TRAINING = (CONTROL, *FROM_STUDENT)
FROM_LABELS = (LABELS, *FROM_TRAINING)
FROM_TEACHER = (TEACHER, LABELS, *FROM_STUDENT)
ALL = ("dataset", TEACHER, *FROM_LABELS)
NOTHING = ()

# Every parameter, stated, so that each can be edited where it stands.
RECIPE = """\
type: pipelines.CompressionPipeline
attributes:
  dataset:
    source: digits
    validation_fraction: 0.2
    seed: 0
    limit: 200
  teacher:
    architecture: simple_cnn
    epochs: 2
    batch_size: 32
    learning_rate: 0.003
    weight_decay: 0.01
    optimizer: adamw
    momentum: 0.9
    warmup_epochs: 0.5
    schedule: cosine
    label_smoothing: 0.0
    precision: float32
    seed: 0
    augmentation: {translate: 0.5, rotate: 1.0, scale: 0.01, shear: 1.0, flip: false}
  soft_labels:
    views: 2
    seed: 10
    augmentation: {translate: 0.6, rotate: 1.1, scale: 0.02, shear: 1.2, flip: false}
  students:
    small:
      architecture: tiny_cnn
      epochs: 3
      batch_size: 16
      learning_rate: 0.004
      weight_decay: 0.02
      optimizer: adamw
      momentum: 0.8
      warmup_epochs: 0.6
      schedule: cosine
      precision: float32
      seed: 20
      loss: {type: kd, temperature: 4.0, alpha: 0.9}
      control: true
  quantized_students:
    int8:
      student: small
      weight_bits: 8
      activation_bits: 8
      per_channel: true
      reduce_range: true
      calibration: {method: minmax, samples: 64}
  benchmark:
    batch_sizes: [1]
    threads: 1
    iterations: 20
    warmup: 1
    max_accuracy_drop: 0.5
    min_compression: 1.0
  gates:
    min_class_balance: 0.1
    max_duplicates: 0.01
    max_drift: 0.25
    min_teacher_accuracy: 0.0
    min_student_accuracy: 0.0
    min_distillation_gain: -1.0
    max_export_error: 0.01
    min_integer_share: 0.5
    max_latency_us: null
  automation:
    mode: off
    observe: '*/15 * * * *'
    retry: 0 3 * * *
    timezone: UTC
  schedule:
    cron: 0 4 * * 1
    timezone: Europe/Berlin
    reseed: false
  freshness:
    warn_days: 14
    fail_days: 30
  owners: ['team:vision']
"""

# parameter: (what stands in the recipe, what is written instead, what is computed)
PARAMETERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "dataset.validation_fraction": ("validation_fraction: 0.2", "validation_fraction: 0.25", ALL),
    "dataset.seed": ("seed: 0\n    limit", "seed: 1\n    limit", ALL),
    "dataset.limit": ("limit: 200", "limit: 180", ALL),
    "teacher.architecture": ("architecture: simple_cnn", "architecture: tiny_cnn", FROM_TEACHER),
    "teacher.epochs": ("epochs: 2", "epochs: 4", FROM_TEACHER),
    "teacher.batch_size": ("batch_size: 32", "batch_size: 24", FROM_TEACHER),
    "teacher.learning_rate": ("learning_rate: 0.003", "learning_rate: 0.005", FROM_TEACHER),
    "teacher.weight_decay": ("weight_decay: 0.01", "weight_decay: 0.5", FROM_TEACHER),
    "teacher.optimizer": ("optimizer: adamw\n    momentum: 0.9", "optimizer: sgd\n    momentum: 0.9", FROM_TEACHER),
    "teacher.momentum": (
        "momentum: 0.9",
        "momentum: 0.7",
        (TEACHER,),
    ),  # adamw has none: the same weights, the wave stops
    "teacher.warmup_epochs": ("warmup_epochs: 0.5", "warmup_epochs: 1.0", FROM_TEACHER),
    "teacher.schedule": ("schedule: cosine\n    label", "schedule: constant\n    label", FROM_TEACHER),
    "teacher.label_smoothing": ("label_smoothing: 0.0", "label_smoothing: 0.1", FROM_TEACHER),
    "teacher.precision": ("precision: float32\n    seed", "precision: bfloat16\n    seed", FROM_TEACHER),
    "teacher.seed": ("seed: 0\n    augmentation", "seed: 1\n    augmentation", FROM_TEACHER),
    "teacher.augmentation.translate": ("translate: 0.5", "translate: 1.0", FROM_TEACHER),
    "teacher.augmentation.rotate": ("rotate: 1.0", "rotate: 5.0", FROM_TEACHER),
    "teacher.augmentation.scale": ("scale: 0.01", "scale: 0.1", FROM_TEACHER),
    "teacher.augmentation.shear": ("shear: 1.0,", "shear: 3.0,", FROM_TEACHER),
    "teacher.augmentation.flip": ("shear: 1.0, flip: false", "shear: 1.0, flip: true", FROM_TEACHER),
    "soft_labels.views": ("views: 2", "views: 1", FROM_LABELS),
    "soft_labels.seed": ("seed: 10", "seed: 11", FROM_LABELS),
    "soft_labels.augmentation.translate": ("translate: 0.6", "translate: 1.0", FROM_LABELS),
    "soft_labels.augmentation.rotate": ("rotate: 1.1", "rotate: 5.0", FROM_LABELS),
    "soft_labels.augmentation.scale": ("scale: 0.02", "scale: 0.1", FROM_LABELS),
    "soft_labels.augmentation.shear": ("shear: 1.2", "shear: 3.0", FROM_LABELS),
    "soft_labels.augmentation.flip": ("shear: 1.2, flip: false", "shear: 1.2, flip: true", FROM_LABELS),
    "students.small.architecture": ("architecture: tiny_cnn", "architecture: simple_cnn", FROM_TRAINING),
    "students.small.epochs": ("epochs: 3", "epochs: 4", FROM_TRAINING),
    "students.small.batch_size": ("batch_size: 16", "batch_size: 24", FROM_TRAINING),
    "students.small.learning_rate": ("learning_rate: 0.004", "learning_rate: 0.006", FROM_TRAINING),
    "students.small.weight_decay": ("weight_decay: 0.02", "weight_decay: 0.5", FROM_TRAINING),
    "students.small.optimizer": ("optimizer: adamw\n      momentum", "optimizer: sgd\n      momentum", FROM_TRAINING),
    "students.small.momentum": ("momentum: 0.8", "momentum: 0.7", (STUDENT, CONTROL)),
    "students.small.warmup_epochs": ("warmup_epochs: 0.6", "warmup_epochs: 1.0", FROM_TRAINING),
    "students.small.schedule": (
        "schedule: cosine\n      precision",
        "schedule: constant\n      precision",
        FROM_TRAINING,
    ),
    "students.small.precision": ("precision: float32\n      seed", "precision: bfloat16\n      seed", FROM_TRAINING),
    "students.small.seed": ("seed: 20", "seed: 21", FROM_TRAINING),
    "students.small.loss.temperature": ("temperature: 4.0", "temperature: 2.0", FROM_STUDENT),
    "students.small.loss.alpha": ("alpha: 0.9", "alpha: 0.5", FROM_STUDENT),
    "students.small.control": ("control: true", "control: false", FROM_REPORT),
    "quantized_students.int8.weight_bits": ("weight_bits: 8", "weight_bits: 4", FROM_QUANTIZED),
    "quantized_students.int8.per_channel": ("per_channel: true", "per_channel: false", FROM_QUANTIZED),
    "quantized_students.int8.reduce_range": ("reduce_range: true", "reduce_range: false", FROM_QUANTIZED),
    "quantized_students.int8.calibration.method": ("method: minmax", "method: percentile", FROM_QUANTIZED),
    "quantized_students.int8.calibration.samples": ("samples: 64", "samples: 16", FROM_QUANTIZED),
    "benchmark.batch_sizes[0]": ("batch_sizes: [1]", "batch_sizes: [1, 2]", (REPORT,)),
    "benchmark.threads": ("threads: 1", "threads: 2", FROM_REPORT),
    "benchmark.iterations": ("iterations: 20", "iterations: 21", FROM_REPORT),
    "benchmark.warmup": ("warmup: 1", "warmup: 2", (REPORT,)),
    "benchmark.max_accuracy_drop": ("max_accuracy_drop: 0.5", "max_accuracy_drop: 0.6", FROM_REPORT),
    "benchmark.min_compression": ("min_compression: 1.0", "min_compression: 1.5", FROM_REPORT),
    # A threshold computes nothing. Here no verdict changes by it, so the champion is not decided anew either.
    "gates.min_class_balance": ("min_class_balance: 0.1", "min_class_balance: 0.2", NOTHING),
    "gates.max_duplicates": ("max_duplicates: 0.01", "max_duplicates: 0.02", NOTHING),
    "gates.max_drift": ("max_drift: 0.25", "max_drift: 0.1", NOTHING),
    "gates.min_teacher_accuracy": ("min_teacher_accuracy: 0.0", "min_teacher_accuracy: 0.001", NOTHING),
    "gates.min_student_accuracy": ("min_student_accuracy: 0.0", "min_student_accuracy: 0.001", NOTHING),
    "gates.min_distillation_gain": ("min_distillation_gain: -1.0", "min_distillation_gain: 1.0", NOTHING),
    "gates.max_export_error": ("max_export_error: 0.01", "max_export_error: 0.02", NOTHING),
    "gates.min_integer_share": ("min_integer_share: 0.5", "min_integer_share: 0.4", NOTHING),
    "gates.max_latency_us": ("max_latency_us: null", "max_latency_us: 1000", NOTHING),
    # When it runs, and who answers for it.
    "automation.mode": ("mode: off", "mode: on", NOTHING),
    "automation.observe": ("'*/15 * * * *'", "'*/20 * * * *'", NOTHING),
    "automation.retry": ("retry: 0 3", "retry: 0 2", NOTHING),
    "automation.timezone": ("timezone: UTC", "timezone: Asia/Tokyo", NOTHING),
    "schedule.cron": ("cron: 0 4", "cron: 0 5", NOTHING),
    "schedule.timezone": ("timezone: Europe/Berlin", "timezone: Europe/Paris", NOTHING),
    # Another input, the generation, whose first one leaves every seed as it is.
    "schedule.reseed": ("reseed: false", "reseed: true", NOTHING),
    "freshness.warn_days": ("warn_days: 14", "warn_days: 7", NOTHING),
    "freshness.fail_days": ("fail_days: 30", "fail_days: 60", NOTHING),
    "owners": ("team:vision", "team:audio", NOTHING),
}

# What an edit marks, where that is not what it computes and all that is made from it.
MARKED: dict[str, set[str]] = {
    "gates.min_class_balance": {"dataset"},
    "gates.max_duplicates": {"dataset"},
    "gates.max_drift": {"dataset"},
    "gates.min_teacher_accuracy": {TEACHER},
    "gates.min_student_accuracy": {STUDENT},
    "gates.min_distillation_gain": {REPORT},
    "gates.max_export_error": {QUANTIZED, CHAMPION},
    "gates.min_integer_share": {QUANTIZED, CHAMPION},
    "gates.max_latency_us": {REPORT, CHAMPION},
    "schedule.reseed": {CONTROL, *FROM_TEACHER},
}

# One choice only, or (`student`) a name that another row covers: a second student would change the graph itself.
WITHOUT_A_ROW = {
    "dataset.source",
    "students.small.loss.type",
    "quantized_students.int8.activation_bits",
    "quantized_students.int8.student",
}

MADE_FROM = {
    TEACHER: {"dataset"},
    LABELS: {"dataset", TEACHER},
    STUDENT: {"dataset", LABELS},
    CONTROL: {"dataset"},
    QUANTIZED: {"dataset", STUDENT},
    REPORT: {"dataset", TEACHER, STUDENT, CONTROL, QUANTIZED},
    CHAMPION: {"dataset", QUANTIZED, REPORT},
}


def _downstream(names: set[str]) -> set[str]:
    """The assets and all that is made from them: what an edit marks, whether or not the wave reaches it."""
    reached = set(names)
    for name, inputs in MADE_FROM.items():
        if reached & inputs:
            reached.add(name)
    return reached


KINDS = {"dataset": "dataset", TEACHER: TEACHER, LABELS: LABELS, STUDENT: "student", CONTROL: "control"} | {
    QUANTIZED: "quantized_student",
    REPORT: REPORT,
    CHAMPION: CHAMPION,
}
_EDIT = "\n_EDITED_BY_A_TEST = True\n"
_HALVES = 2


def _rows(copy: Path) -> dict[str, dict[str, str]]:
    recipe = str(copy.parent / "defs" / "tiny" / "defs.yaml")
    rows = {name: {"file": recipe, "old": old, "new": new} for name, (old, new, _) in PARAMETERS.items()}
    for module in MODULES:
        rows[module] = {"file": str(_source(copy, module)), "append": _EDIT}
    return rows


def _source(root: Path, module: str) -> Path:
    path = root.joinpath("compression_ops", *module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _half(name: str) -> int:
    """Which half of the rows, and so which process, a row belongs to."""
    return [*PARAMETERS, *MODULES].index(name) % _HALVES


class Results:
    """What was computed in each row; all rows are run, in two processes, when the first result is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def row(self, name: str) -> dict[str, Any]:
        """The result of one row."""
        halves = [self._folder / f"half{number}" for number in range(_HALVES)]
        with FileLock(f"{self._folder}.lock"):  # pytest's processes share the folder
            if not (self._folder / "done").exists():
                processes = [self._start(folder, number) for number, folder in enumerate(halves)]
                codes = [process.wait() for process in processes]
                (self._folder / "done").touch()
                assert codes == [0] * _HALVES, [(half / "log").read_text()[-3000:] for half in halves]
        return json.loads((halves[_half(name)] / "results.json").read_text())[name]

    def _start(self, folder: Path, number: int) -> subprocess.Popen[bytes]:
        copy = folder / "project"
        for package in ("compression_ops", "pipelines", "tests"):
            shutil.copytree(REPOSITORY / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        recipes.write(folder / "defs", text=RECIPE)
        rows = {name: row for name, row in _rows(copy).items() if _half(name) == number}
        (folder / "rows.json").write_text(json.dumps(rows))
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_T", "DAGSTER_H"))}
        environment |= {
            "COMPRESSION_HOME": str(folder / "home"),
            "COMPRESSION_DEFS": str(folder / "defs"),
            "PYTHONPATH": str(copy),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "tests.pipelines.truth_table", "../rows.json", "../results.json"]
        log = (folder / "log").open("w")
        return subprocess.Popen(command, cwd=copy, env=environment, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The results, in a folder that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder = shared / "truth_table"
    folder.mkdir(exist_ok=True)
    return Results(folder)


def test_the_table_has_a_row_for_every_parameter(defs: Path) -> None:
    recipes.write(defs, text=RECIPE)
    flat = flatten(file.load("tiny").recipe.model_dump(mode="json"))
    stated = {name.replace("benchmark.batch_sizes", "benchmark.batch_sizes[0]") for name in flat}
    assert stated == set(PARAMETERS) | WITHOUT_A_ROW


def test_the_table_has_a_row_for_every_module() -> None:
    root = REPOSITORY / "compression_ops"
    found = {path.relative_to(root).with_suffix("") for path in root.rglob("*.py")}
    names = {".".join(part for part in path.parts if part != "__init__") or "__init__" for path in found}
    assert names == set(MODULES)


@pytest.mark.xdist_group("truth_table")
@pytest.mark.parametrize("name", [*PARAMETERS, *MODULES])
def test_an_edit_computes_exactly_what_it_affects_and_its_revert_nothing(name: str, results: Results) -> None:
    row = results.row(name)
    assert row["failed"] == {}
    if name in PARAMETERS:
        assert set(row["computed"]) == set(PARAMETERS[name][2])
        gone = {CONTROL} if "control: false" in PARAMETERS[name][1] else set[str]()
        assert set(row["marked"]) == MARKED.get(name, _downstream(set(row["computed"])) - gone)
    else:
        assert {KINDS[asset] for asset in row["computed"]} == set(MODULES[name].split())
    assert set(row["reverted"]) <= ({CHAMPION} if row["promoted"] else set())
    assert row["again"] == []
