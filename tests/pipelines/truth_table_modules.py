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
    "data.dataset": EVERY,
    "errors": EVERY,
    "stages.stage": EVERY,
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
    "data.spec": "dataset",
    "data.samples": "dataset",
    "data.soundness": "dataset",
    "data.splitting": "dataset",
    "data.download": NOBODY,
    "data.drift": NOBODY,
    "data.formats.idx": NOBODY,
    "data.formats.image_file": NOBODY,
    "data.sources": "dataset",
    "data.sources.digits": "dataset",
    "data.sources.mnist": NOBODY,
    "data.sources.fashion_mnist": NOBODY,
    "data.sources.cifar10": NOBODY,
    "data.sources.image_folder": NOBODY,
    "data.sources.npz": NOBODY,
    # networks: the teacher's runs wherever the teacher runs, the student's wherever the student does
    "models.network": MODELS,
    "models.architectures": MODELS,
    "models.architectures.simple_cnn": "teacher soft_labels benchmark_report",
    "models.architectures.tiny_cnn": "student control quantized_student benchmark_report",
    "models.architectures.resnet": NOBODY,
    "models.architectures.strided_cnn": NOBODY,
    "models.architectures.vgg": NOBODY,
    # training and distillation
    "training.loop": TRAINED,
    "training.optimizer": TRAINED,
    "training.hyperparameters": TRAINED,
    "training.determinism": TRAINED,
    "data.augmentation": AUGMENTED,
    "data.views": AUGMENTED,
    "seeds": AUGMENTED,
    "parameters": AUGMENTED,
    "models.inference": "teacher soft_labels student control quantized_student",
    "distillation.soft_labels": "soft_labels student",
    "distillation.losses": "student",
    "distillation.losses.kd": "student",
    # quantization
    "onnx_model.export": EXPORTED,
    "onnx_model.graph": EXPORTED,
    "onnx_model.metadata": "quantized_student",
    "onnx_model.session": EXPORTED,
    "quantization": EXPORTED,
    "models.batch_norm": EXPORTED,
    "quantization.activations": "quantized_student",
    "quantization.affine": "quantized_student",
    "quantization.integer_graph": "quantized_student",
    "quantization.integer_kernels": "quantized_student",
    "quantization.fidelity": "quantized_student",
    "quantization.mapping": "quantized_student",
    "quantization.methods": "quantized_student",
    "quantization.methods.calibrated": "quantized_student",
    "quantization.precision": "quantized_student",
    "quantization.qdq": "quantized_student",
    "quantization.saturation": "quantized_student",
    "quantization.histogram": NOBODY,
    "quantization.calibration": "quantized_student",
    "quantization.calibration.minmax": "quantized_student",
    "quantization.calibration.entropy": NOBODY,
    "quantization.calibration.percentile": NOBODY,
    # the benchmark
    **dict.fromkeys(
        (
            "evaluation.latency", "evaluation.cost", "evaluation.memory", "evaluation.processor", "evaluation.quality", "evaluation.statistics",
            "report", "report.contents", "report.family", "report.files", "report.html", "report.json_file",
            "report.markdown", "report.plots.pareto", "report.plots.accuracy", "report.plots.confusion", "report.plots.labels",
            "report.plots.latency", "report.plots.style", "quantities", "report.sections", "report.table",
            "report.verdict",
        ),
        "benchmark_report",
    ),
    # what is shipped
    "evaluation.promotion": DECIDED,
    "onnx_model.prediction": NOBODY,
}  # fmt: skip

# The code that the decision itself runs.
_DECIDES = {
    *(
        "__init__",
        "stages",
        "data.dataset",
        "errors",
        "stages.stage",
        "stages.champion",
        "evaluation.promotion",
        "evaluation.latency",
        "evaluation.quality",
    ),
    *("evaluation.statistics", "onnx_model.metadata", "onnx_model.session", "report", "quantities"),
}
MODULES = {
    module: f"{kinds} {DECIDED}" if module in _DECIDES else kinds for module, kinds in _BEFORE_THE_CHAMPION.items()
}
