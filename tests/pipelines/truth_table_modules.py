"""Written by hand: each module of `compression_ops`, and the kinds of asset that an edit of it computes in the recipe
of the truth table (simple_cnn teaches tiny_cnn on digits; kd; minmax). The edits change no result, so the champion is
decided anew only where the code that decides was edited."""

EVERY = "dataset teacher soft_labels student control quantized_student benchmark_report"
MODELS = "teacher soft_labels student control quantized_student benchmark_report"
TRAINED = "teacher student control"
AUGMENTED = "teacher soft_labels student control"
EXPORTED = "quantized_student benchmark_report"
NOBODY = ""
DECIDED = "champion"

_BEFORE_THE_CHAMPION: dict[str, str] = {
    # what every stage rests on
    "__init__": EVERY,
    "stages": EVERY,
    "dataset": EVERY,
    "errors": EVERY,
    "stage": EVERY,
    "spec": "dataset teacher soft_labels student control quantized_student",
    # the stages themselves
    "stages.dataset": "dataset",
    "stages.teacher": "teacher",
    "stages.soft_labels": "soft_labels",
    "stages.student": "student",
    "stages.control": "control",
    "stages.quantized_student": "quantized_student",
    "stages.benchmark_report": "benchmark_report",
    "stages.champion": DECIDED,
    # data
    "data": "dataset",
    "data.dataset_spec": "dataset",
    "data.raw_data": "dataset",
    "data.soundness": "dataset",
    "data.splitting": "dataset",
    "data.download": NOBODY,
    "data.drift": NOBODY,
    "data.idx": NOBODY,
    "data.image_file": NOBODY,
    "data_sources": "dataset",
    "data_sources.digits": "dataset",
    "data_sources.mnist": NOBODY,
    "data_sources.fashion_mnist": NOBODY,
    "data_sources.cifar10": NOBODY,
    "data_sources.image_folder": NOBODY,
    "data_sources.npz": NOBODY,
    # networks: the teacher's runs wherever the teacher runs, the student's wherever the student does
    "model": MODELS,
    "architectures": MODELS,
    "architectures.simple_cnn": "teacher soft_labels benchmark_report",
    "architectures.tiny_cnn": "student control quantized_student benchmark_report",
    "architectures.resnet": NOBODY,
    "architectures.strided_cnn": NOBODY,
    "architectures.vgg": NOBODY,
    # training and distillation
    "training": TRAINED,
    "optimization": TRAINED,
    "hyperparameters": TRAINED,
    "determinism": TRAINED,
    "augmentation": AUGMENTED,
    "views": AUGMENTED,
    "seeds": AUGMENTED,
    "parameters": AUGMENTED,
    "inference": "teacher soft_labels student control quantized_student",
    "soft_labels": "soft_labels student",
    "losses": "student",
    "losses.kd": "student",
    # quantization
    "onnx_export": EXPORTED,
    "onnx_graph": EXPORTED,
    "onnx_metadata": "quantized_student",
    "onnx_session": EXPORTED,
    "quantization": EXPORTED,
    "quantization.batch_norm": EXPORTED,
    "quantization.activations": "quantized_student",
    "quantization.affine": "quantized_student",
    "quantization.integer_graph": "quantized_student",
    "quantization.integer_kernels": "quantized_student",
    "quantization.static": "quantized_student",
    "quantization.histogram": NOBODY,
    "quantization.precision": NOBODY,
    "calibration": "quantized_student",
    "calibration.minmax": "quantized_student",
    "calibration.entropy": NOBODY,
    "calibration.percentile": NOBODY,
    # the benchmark
    **dict.fromkeys(
        (
            "latency", "model_cost", "peak_memory", "processor", "quality", "statistics",
            "report", "report.contents", "report.family", "report.files", "report.html", "report.json_file",
            "report.markdown", "report.pareto", "report.plot_accuracy", "report.plot_confusion", "report.plot_labels",
            "report.plot_latency", "report.plot_style", "report.quantities", "report.sections", "report.table",
            "report.verdict",
        ),
        "benchmark_report",
    ),
    # what is shipped
    "promotion": DECIDED,
    "prediction": NOBODY,
}  # fmt: skip

# The code that the decision itself runs.
_DECIDES = {
    *("__init__", "stages", "dataset", "errors", "stage", "stages.champion", "promotion", "latency", "quality"),
    *("statistics", "onnx_metadata", "onnx_session", "report", "report.quantities"),
}
MODULES = {
    module: f"{kinds} {DECIDED}" if module in _DECIDES else kinds for module, kinds in _BEFORE_THE_CHAMPION.items()
}
