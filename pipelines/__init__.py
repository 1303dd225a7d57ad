"""The orchestration: recipes, graph, store, lineage, Dagster assets and the command line. Holds no arithmetic.

Dagster looks for `CompressionPipeline` here; it is imported when first asked for, so that `compression status` and its
like need not import Dagster.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.orchestration.component import CompressionPipeline

__all__ = ["CompressionPipeline"]


def __getattr__(name: str) -> Any:
    if name == "CompressionPipeline":
        from pipelines.orchestration.component import CompressionPipeline

        return CompressionPipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
