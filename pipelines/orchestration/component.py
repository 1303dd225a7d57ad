"""The Dagster component whose instances are recipes: `type: pipelines.CompressionPipeline` in a `defs.yaml`."""

import logging
import re
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict

from compression_ops.errors import CompressionError
from pipelines.orchestration import assets, last_good
from pipelines.pipeline import Pipeline
from pipelines.recipe import document, project
from pipelines.recipe import file as recipe_file
from pipelines.recipe.constraints import NAME_PATTERN
from pipelines.recipe.sections import Recipe
from pipelines.state import home

_EXAMPLE = "digits"


class RecipeAttributes(BaseModel):
    """What Dagster's tools see of a recipe: the documentation of every field, but no verdict.

    Its JSON schema documents each attribute and accepts anything, so that `dg check defs` does not stop at a terse
    schema error: the recipe is read again from its file by `recipe_file`, whose errors name line, value and cure.
    """

    model_config = ConfigDict(extra="allow")

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema of a recipe in which each attribute may also be anything."""
        documented = Recipe.model_json_schema()
        for name, field in documented["properties"].items():
            strict = {key: field.pop(key) for key in list(field) if key not in ("description", "title")}
            field["anyOf"] = [strict, {}]
            field.setdefault("title", name)
        documented.pop("required", None)
        documented["additionalProperties"] = True
        return documented


class RecipeScaffolder(dg.Scaffolder[Any]):
    """What `dg scaffold defs pipelines.CompressionPipeline NAME` writes: a recipe that runs as it is, to be edited."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write `defs.yaml`, of data that need no network. Raises CompressionError for what can be no recipe."""
        name = request.target_path.name
        if request.scaffold_format != "yaml" or request.append:
            raise CompressionError("a recipe is a `defs.yaml` of its own\n  leave out --format, or say --format yaml")
        if not re.fullmatch(NAME_PATTERN, name):
            raise CompressionError(f"{name!r} is no recipe's name\n  allowed: letters, digits and underscores")
        example = project.shipped_defs() / _EXAMPLE / recipe_file.FILE_NAME
        text = document.retyped(example.read_text(encoding="utf-8"), request.type_name)
        (request.target_path / recipe_file.FILE_NAME).write_text(text, encoding="utf-8")


@dg.scaffold_with(RecipeScaffolder)
class CompressionPipeline(dg.Component):
    """Distils and quantizes a trained classifier: one recipe, one graph of assets.

    Attributes: `metric`, `dataset`, `teacher`, `soft_labels`, `students`, `quantized_students`, `benchmark`,
    `gates`, `automation`, `schedule`, `freshness`, `search`, `owners`.
    """

    def __init__(self, path: Path, mistake: str | None = None) -> None:
        """Of the recipe in a file, and what is wrong with it where its last good version is served."""
        self.path, self.mistake = path, mistake

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The documentation of a recipe's fields, for Dagster's tools."""
        return RecipeAttributes

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """How the component shows in Dagster's list of components."""
        return dg.ComponentTypeSpec(
            description=cls.__doc__, tags=["compression", "distillation", "quantization"], owners=[]
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> "CompressionPipeline":
        """Read the recipe of the component's folder. Raises RecipeError where no last good version is to be served."""
        path = context.path / recipe_file.FILE_NAME
        if not last_good.is_kept():
            recipe_file.read(path)
            return cls(path)
        mistake = last_good.mistake(path, home.of_recipe(path))
        if mistake is not None:
            logging.getLogger("dagster").error(mistake)
        return cls(path, mistake)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The recipe's assets; where it is wrong, those of its last good version."""
        place = home.of_recipe(self.path)
        if self.mistake is not None:
            return last_good.definitions(self.path, self.mistake, place)
        return assets.definitions(Pipeline.of(recipe_file.read(self.path), place))
