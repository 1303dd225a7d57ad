"""A recipe opened for work: its graph, and the places where its state is kept."""

from dataclasses import dataclass

from pipelines.graph.code_closure import Code
from pipelines.graph.graph import Graph
from pipelines.kinds import graph, search
from pipelines.recipe import file as recipe_file
from pipelines.recipe.file import RecipeFile
from pipelines.state import home as homes
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization
from pipelines.state.versions import version


@dataclass(frozen=True)
class Pipeline:
    """A recipe and its graph, the home, and the stores that lie in it."""

    file: RecipeFile
    graph: Graph
    home: Home
    store: ArtifactStore
    actions: ActionCache
    history: History

    @property
    def recipe(self) -> str:
        """The recipe's name."""
        return self.graph.recipe

    def latest(self, name: str) -> Materialization | None:
        """The newest entry of one of its assets' history."""
        return self.history.latest(self.recipe, name)

    @classmethod
    def open(cls, name: str) -> "Pipeline":
        """The recipe of a name, in the home that the environment names. Raises RecipeError, CompressionError."""
        return cls.of(recipe_file.load(name))

    @classmethod
    def of(cls, file: RecipeFile, home: Home | None = None) -> "Pipeline":
        """A checked recipe, in a home; by default in the one that the environment names. Raises RecipeError where its
        `search` asks for what its graph has not, CompressionError where a later version wrote the home.
        """
        where = home or homes.current()
        version.require(where)
        store = ArtifactStore(where.store_url, where.root / "cache")
        built = graph.build(file.name, file.recipe, Code(where.parsed_modules))
        search.check(file, built)
        return cls(file, built, where, store, ActionCache(store), History(where.history))
