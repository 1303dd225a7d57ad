"""The one line that a materialization's numbers come down to."""

from collections.abc import Mapping

from pipelines.kinds.kind import KINDS
from pipelines.state.history import Materialization


def headline(entry: Materialization) -> str:
    """`validation accuracy 99.31 %`, and the like."""
    metrics = entry.metrics
    match entry.asset.partition("/")[0]:
        case "dataset":
            parts = [f"{int(metrics[f'{split}_samples'])} {split}" for split in ("train", "validation", "test")]
            return ", ".join(parts) + " samples"
        case "benchmark_report":
            return _report(entry)
        case "champion":
            promoted = "promoted" if metrics["promoted"] else "kept"
            accuracy = metrics.get("candidate_test_accuracy")
            return promoted + (f", candidate's test accuracy {accuracy:.2%}" if accuracy is not None else "")
        case _:
            return numbers(metrics, 2)


def numbers(metrics: Mapping[str, float], count: int) -> str:
    """The first `count` metrics in words."""
    return ", ".join(f"{_words(name)} {_number(name, value)}" for name, value in list(metrics.items())[:count])


def _report(entry: Materialization) -> str:
    accuracies = {
        name.removesuffix(".test_accuracy"): value
        for name, value in entry.metrics.items()
        if name.endswith(".test_accuracy")
    }
    order = list(KINDS)
    names = sorted(accuracies, key=lambda name: (order.index(name.partition("/")[0]), name))
    return "test accuracy: " + ", ".join(f"{name} {accuracies[name]:.2%}" for name in names)


def _words(name: str) -> str:
    """`test accuracy`; what stands before a point is a model's name, and stays as it is."""
    subject, _, metric = name.rpartition(".")
    return f"{subject} {metric.replace('_', ' ')}".lstrip()


def _number(name: str, value: float) -> str:
    if "accuracy" in name or "agreement" in name:
        return f"{value:.2%}"
    return f"{int(value)}" if float(value).is_integer() else f"{value:.4g}"
