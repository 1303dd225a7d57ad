"""Files that a recipe names, which are observed and not computed: where they are and what they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compression_ops.progress import ProgressCallback
from pipelines.recipe.file import RecipeFile
from pipelines.state.home import Home


@dataclass(frozen=True)
class ObservedFiles:
    """One sort of them.

    words   what they are called
    locate  the file or folder that holds them; None if it is not on this machine
    obtain  as `locate`, but brings here what can be brought. Raises CompressionError that names the cures
    digest  of their names and bytes, wherever they lie. Raises OSError, DataError
    stated  what the recipe says of them, in words for Dagster's page
    """

    words: str
    locate: Callable[[RecipeFile, Home], Path | None]
    obtain: Callable[[RecipeFile, Home, ProgressCallback], Path]
    digest: Callable[[RecipeFile, Home, Path], str]
    stated: Callable[[RecipeFile], Mapping[str, str]]
