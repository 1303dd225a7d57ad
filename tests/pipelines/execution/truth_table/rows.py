"""Written by hand: each parameter of a recipe, and what an edit of it computes and marks."""

from tests.pipelines.execution.truth_table import search

TEACHER, LABELS, STUDENT, CONTROL = "teacher", "soft_labels", "student/small", "control/small"
QUANTIZED, MEASURED, REPORT = "quantized_student/int8", "measurements", "benchmark_report"
CHAMPION, TARGET, OTHER_TARGET = "champion", "target/int8/ort_mobile", "target/int8/onnx"

FROM_MEASURED = (MEASURED, REPORT, CHAMPION)
FROM_QUANTIZED = (QUANTIZED, TARGET, *FROM_MEASURED)
FROM_STUDENT = (STUDENT, *FROM_QUANTIZED)
FROM_TRAINING = (CONTROL, *FROM_STUDENT)
FROM_LABELS = (LABELS, *FROM_TRAINING)
FROM_TEACHER = (TEACHER, LABELS, *FROM_STUDENT)
EVERYTHING = ("dataset", TEACHER, *FROM_LABELS)
NOTHING = ()

# Every parameter, stated, so that each can be edited where it stands.
RECIPE = (
    """\
type: pipelines.CompressionPipeline
attributes:
  metric: accuracy
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
    class_weights: uniform
    precision: float32
    seed: 0
    augmentation: {translate: 0.5, rotate: 1.0, scale: 0.01, shear: 1.0, flip: false}
  soft_labels:
    views: 2
    seed: 10
    augmentation:
      {translate: 0.6, rotate: 1.1, scale: 0.02, shear: 1.2, flip: false,
       random_crop: {padding: 1, padding_mode: constant}, cutout: {size: 1, holes: 1}, mixup: {alpha: 0.1},
       color_jitter: {brightness: 0.1, contrast: 0.2, saturation: 0.0, hue: 0.0}}
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
      class_weights: uniform
      seed: 20
      loss: {type: kd, temperature: 4.0, alpha: 0.9, standardize: false}
      control: true
  quantized_students:
    int8:
      student: small
      weight_bits: 8
      activation_bits: 8
      per_channel: true
      reduce_range: true
      rounding: nearest
      bias_correction: false
      equalization: false
      opset: 21
      calibration: {method: minmax, samples: 64}
      method: {type: calibrated}
      targets: [ort_mobile]
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
    interval_seconds: 30
  schedule:
    cron: 0 4 * * 1
    timezone: Europe/Berlin
    reseed: false
    enabled: true
  freshness:
    warn_days: 14
    fail_days: 30
  owners: ['team:vision']
"""
    + search.SECTION
)

# parameter: (what stands in the recipe, what is written instead, what is computed)
PARAMETERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # It chooses the same epochs here: the same weights, so the wave stops, and what was measured is judged anew.
    "metric": ("metric: accuracy", "metric: balanced_accuracy", (TEACHER, STUDENT, CONTROL, REPORT, CHAMPION)),
    "dataset.validation_fraction": ("validation_fraction: 0.2", "validation_fraction: 0.25", EVERYTHING),
    "dataset.seed": ("seed: 0\n    limit", "seed: 1\n    limit", EVERYTHING),
    "dataset.limit": ("limit: 200", "limit: 180", EVERYTHING),
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
    "teacher.class_weights": ("class_weights: uniform\n    pre", "class_weights: balanced\n    pre", FROM_TEACHER),
    "teacher.precision": ("precision: float32\n    seed", "precision: bfloat16\n    seed", FROM_TEACHER),
    "teacher.image_size": ("precision: float32\n    seed", "image_size: 10\n    seed", FROM_TEACHER),
    "teacher.normalization": (
        "precision: float32\n    seed",
        "normalization: {mean: [0.5], std: [0.5]}\n    seed",
        FROM_TEACHER,
    ),
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
    "soft_labels.augmentation.random_crop.padding": ("padding: 1", "padding: 2", FROM_LABELS),
    "soft_labels.augmentation.random_crop.padding_mode": ("mode: constant", "mode: edge", FROM_LABELS),
    "soft_labels.augmentation.color_jitter.brightness": ("brightness: 0.1", "brightness: 0.3", FROM_LABELS),
    "soft_labels.augmentation.color_jitter.contrast": ("contrast: 0.2", "contrast: 0.4", FROM_LABELS),
    "soft_labels.augmentation.cutout.size": ("size: 1,", "size: 2,", FROM_LABELS),
    "soft_labels.augmentation.cutout.holes": ("holes: 1", "holes: 2", FROM_LABELS),
    "soft_labels.augmentation.mixup.alpha": ("mixup: {alpha: 0.1}", "mixup: {alpha: 0.5}", FROM_LABELS),
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
    "students.small.precision": ("precision: float32\n      class", "precision: bfloat16\n      class", FROM_TRAINING),
    "students.small.class_weights": ("uniform\n      seed", "balanced\n      seed", FROM_TRAINING),
    "students.small.seed": ("seed: 20", "seed: 21", FROM_TRAINING),
    "students.small.loss.temperature": ("temperature: 4.0", "temperature: 2.0", FROM_STUDENT),
    "students.small.loss.standardize": ("standardize: false", "standardize: true", FROM_STUDENT),
    "students.small.loss.alpha": ("alpha: 0.9", "alpha: 0.5", FROM_STUDENT),
    "students.small.control": ("control: true", "control: false", FROM_MEASURED),
    "quantized_students.int8.of": ("student: small", "of: control/small", FROM_QUANTIZED),
    "quantized_students.int8.weight_bits": ("weight_bits: 8", "weight_bits: 4", FROM_QUANTIZED),
    "quantized_students.int8.activation_bits": ("activation_bits: 8", "activation_bits: 6", FROM_QUANTIZED),
    "quantized_students.int8.rounding": ("rounding: nearest", "rounding: adaround", FROM_QUANTIZED),
    "quantized_students.int8.bias_correction": ("bias_correction: false", "bias_correction: true", FROM_QUANTIZED),
    "quantized_students.int8.equalization": ("equalization: false", "equalization: true", FROM_QUANTIZED),
    "quantized_students.int8.per_channel": ("per_channel: true", "per_channel: false", FROM_QUANTIZED),
    "quantized_students.int8.opset": ("opset: 21", "opset: 18", FROM_QUANTIZED),
    "quantized_students.int8.reduce_range": ("reduce_range: true", "reduce_range: false", FROM_QUANTIZED),
    "quantized_students.int8.calibration.method": ("method: minmax", "method: percentile", FROM_QUANTIZED),
    "quantized_students.int8.calibration.samples": ("samples: 64", "samples: 16", FROM_QUANTIZED),
    # It is another asset; the quantized student that it is made of stays.
    "quantized_students.int8.targets": ("targets: [ort_mobile]", "targets: [onnx]", (OTHER_TARGET, *FROM_MEASURED)),
    "benchmark.batch_sizes[0]": ("batch_sizes: [1]", "batch_sizes: [1, 2]", (MEASURED, REPORT)),
    "benchmark.threads": ("threads: 1", "threads: 2", FROM_MEASURED),
    "benchmark.iterations": ("iterations: 20", "iterations: 21", FROM_MEASURED),
    "benchmark.warmup": ("warmup: 1", "warmup: 2", (MEASURED, REPORT)),
    "benchmark.max_accuracy_drop": ("max_accuracy_drop: 0.5", "max_accuracy_drop: 0.6", (REPORT,)),
    "benchmark.min_compression": ("min_compression: 1.0", "min_compression: 1.5", (REPORT,)),
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
    "automation.interval_seconds": ("interval_seconds: 30", "interval_seconds: 60", NOTHING),
    "automation.timezone": ("timezone: UTC", "timezone: Asia/Tokyo", NOTHING),
    "schedule.cron": ("cron: 0 4", "cron: 0 5", NOTHING),
    "schedule.timezone": ("timezone: Europe/Berlin", "timezone: Europe/Paris", NOTHING),
    # Another input, the generation, whose first one leaves every seed as it is.
    "schedule.reseed": ("reseed: false", "reseed: true", NOTHING),
    "schedule.enabled": ("enabled: true", "enabled: false", NOTHING),
    "freshness.warn_days": ("warn_days: 14", "warn_days: 7", NOTHING),
    "freshness.fail_days": ("fail_days: 30", "fail_days: 60", NOTHING),
    **{name: (*edit, NOTHING) for name, edit in search.ROWS.items()},
    "owners": ("team:vision", "team:audio", NOTHING),
}

# What an edit marks, where that is not what it computes and all that is made from it.
MARKED: dict[str, set[str]] = {
    "gates.min_class_balance": {"dataset"},
    "gates.max_duplicates": {"dataset"},
    "gates.max_drift": {"dataset"},
    "gates.min_teacher_accuracy": {TEACHER},
    "gates.min_student_accuracy": {STUDENT},
    "gates.min_distillation_gain": {MEASURED},
    "gates.max_export_error": {QUANTIZED, CHAMPION},
    "gates.min_integer_share": {QUANTIZED, CHAMPION},
    "gates.max_latency_us": {MEASURED, CHAMPION},
    "benchmark.max_accuracy_drop": {MEASURED, REPORT, CHAMPION},
    "benchmark.min_compression": {MEASURED, REPORT, CHAMPION},
    "schedule.reseed": {CONTROL, *FROM_TEACHER},
}

# One choice only, or (`student`) a name that another row covers: a second student would change the graph itself.
WITHOUT_A_ROW = {
    *search.WITHOUT_A_ROW,
    "dataset.source",
    "students.small.loss.type",
    # of `adaround` alone, and refused beside `nearest`: mistakes.py
    "quantized_students.int8.rounding_steps",
    "quantized_students.int8.student",
    # which needs a second student: kinds/test_parents.py
    "students.small.teacher",
    # which has no parameters; another has: test_lsq.py
    "quantized_students.int8.method.type",
    # the images of the table are grey, and have none
    "soft_labels.augmentation.color_jitter.saturation",
    "soft_labels.augmentation.color_jitter.hue",
    # the networks of the table take none: test_dry_run.py
    "teacher.arguments",
    "students.small.arguments",
    # it adds assets: test_seeds.py
    "students.small.seeds",
    # as the teacher's
    "students.small.image_size",
    "students.small.normalization",
    # which need a file: test_trained_teacher.py
    "teacher.weights",
    "teacher.freeze",
    # which changes the graph itself: kinds/test_parents.py
    "teacher.ensemble",
}

MADE_FROM = {
    TEACHER: {"dataset"},
    LABELS: {"dataset", TEACHER},
    STUDENT: {"dataset", LABELS},
    CONTROL: {"dataset"},
    QUANTIZED: {"dataset", STUDENT},
    TARGET: {QUANTIZED},
    MEASURED: {"dataset", TEACHER, STUDENT, CONTROL, QUANTIZED, TARGET},
    REPORT: {MEASURED},
    CHAMPION: {"dataset", QUANTIZED, MEASURED},
}


def downstream(names: set[str]) -> set[str]:
    """The assets and all that is made from them: what an edit marks, whether or not the wave reaches it."""
    reached = set(names)
    for name, inputs in MADE_FROM.items():
        if reached & inputs:
            reached.add(name)
    return reached
