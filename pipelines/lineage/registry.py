"""A recipe's shipped models in MLflow's Model Registry: versions under the recipe's name, two aliases.

`champion` is the model in use, `previous` the one that it replaced; a version's tag says so too, which outlives the
aliases. Only this module writes to the registry.
"""

from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops.errors import CompressionError
from pipelines.lineage import ancestry, connection, names
from pipelines.lineage.names import CHAMPION, MODEL_FILE, PREVIOUS
from pipelines.lineage.query import LineageQuery
from pipelines.state.home import Home

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_LISTED = 5  # versions in one sentence


@dataclass(frozen=True)
class Version:
    """A registered version: its number, the run behind it, its asset and content digest in the recipe."""

    number: str
    run_id: str
    asset: str
    digest: str


@dataclass(frozen=True)
class Succession:
    """A version that is ready to become the champion, and the one that becomes the previous one; None for as it is."""

    champion: Version
    previous: Version | None = None


@dataclass(frozen=True)
class Origin:
    """Where a model that MLflow lost is recorded anew: by which run, and with which parameters of its asset."""

    experiment_id: str
    run_id: str
    parameters: Mapping[str, Any]


class Registry:
    """The registered model of one recipe."""

    def __init__(self, home: Home, recipe: str) -> None:
        self._recipe = recipe
        self._name = names.registered_model(recipe)
        self._client: MlflowClient = connection.client(home)
        self._query = LineageQuery(home)

    def champion(self) -> Version | None:
        """The version in use; None before the first promotion."""
        return self._of_alias(CHAMPION)

    def previous(self) -> Version | None:
        """The version that the one in use replaced; None where none is known. A kill between the writes of the two
        aliases leaves both on one version, which then says itself what it replaced.
        """
        champion, previous = self.champion(), self._of_alias(PREVIOUS)
        if champion is None or (previous is not None and previous.number != champion.number):
            return previous
        return self._predecessor(champion)

    def download(self, version: Version) -> Path:
        """A local folder with the version's `model.onnx` and MLflow's files. Raises CompressionError if it is gone."""
        import mlflow
        from mlflow.exceptions import MlflowException

        connection.use(self._client.tracking_uri)
        fault: Exception | None = None
        try:
            folder = Path(mlflow.artifacts.download_artifacts(f"models:/{self._name}/{version.number}"))
            if (folder / MODEL_FILE).exists():
                return folder
        except (MlflowException, OSError) as error:
            fault = error
        raise CompressionError(
            f"version {version.number} of model {self._name!r} cannot be read from MLflow: "
            f"{str(fault)[:300] if fault else f'its {MODEL_FILE} is gone'}\n"
            f"  {self._cure(version)}"
        ) from fault

    def is_readable(self, version: Version) -> bool:
        """Whether a version's files are there."""
        try:
            self.download(version)
        except CompressionError:
            return False
        return True

    def has_model(self, model_id: str | None) -> bool:
        """Whether MLflow has the files of a logged model, so that it can be registered."""
        from mlflow.exceptions import MlflowException

        if not model_id:
            return False
        try:
            self._client.get_logged_model(model_id)
            found = self._client.list_logged_model_artifacts(model_id)
        except (MlflowException, OSError):
            return False
        return any(item.path == MODEL_FILE for item in found)

    def rolled_back(self) -> dict[str, str]:
        """{content digest: why it must not be promoted again} of the versions that somebody rolled back."""
        return {
            version.tags[names.DIGEST]: (
                f"It is version {version.version}, which was rolled back on {version.tags[names.ROLLED_BACK]}; "
                f"delete the version's tag {names.ROLLED_BACK} to allow it again."
            )
            for version in self._versions()
            if names.ROLLED_BACK in version.tags and names.DIGEST in version.tags
        }

    def log(self, asset: str, digest: str, folder: Path, origin: "Origin") -> str:
        """Log a model that MLflow does not have any more from its artifact's folder; returns its id."""
        from pipelines.lineage import models  # imports onnx, which a `status` can spare

        kind = asset.partition("/")[0]
        place = (self._client, origin.experiment_id, origin.run_id, self._recipe)
        return models.log(*place, asset, kind, origin.parameters, folder, digest)

    def renew(self, version: Version, folder: Path, origin: "Origin") -> Succession:
        """Have a champion whose files are lost as another version, with all that was said of it; see `crown`. It is
        registered anew, unless a version of the same content is there, as after a run that was killed at this.
        """
        known = self._client.get_model_version(self._name, version.number)
        renewed = self._readable(version.digest)
        if renewed is None:
            renewed = self._register(self.log(version.asset, version.digest, folder, origin), dict(known.tags))
        for name, value in known.tags.items():
            self._tag(renewed, name, value)
        self._client.update_model_version(self._name, renewed.number, known.description or "")
        return Succession(renewed)

    def promote(self, asset: str, digest: str, model_id: str, tags: dict[str, str], description: str) -> Succession:
        """Register a model that is to replace the champion; see `crown`. One that has a version keeps it.

        The version's page says `description`, and then all that the model was made from.
        """
        replaced = self.champion()
        version = self._registered(asset, digest, model_id)
        for name, value in tags.items():
            self._tag(version, name, value[: names.REGISTRY_LIMIT])
        self._client.update_model_version(self._name, version.number, self._with_ancestry(description, version))
        return Succession(version, replaced if replaced is not None and replaced.number != version.number else None)

    def crown(self, succession: Succession) -> None:
        """Make a version the champion. Its alias is written last: until then the former one is in use, and its tag says
        what it replaced.
        """
        former, champion = succession.previous, succession.champion
        if former is not None:
            for version, before in ((former, self.previous()), (champion, former)):
                if before is not None:
                    self._tag(version, names.PREDECESSOR, before.number)
            self._client.set_registered_model_alias(self._name, PREVIOUS, former.number)
        self._client.set_registered_model_alias(self._name, CHAMPION, champion.number)

    def roll_back(self, files: Callable[[Version], object]) -> tuple[Version, Version | None]:
        """Swap champion and previous; without a champion put the previous one in use.

        files  asked for those of the version to go back to before anything is written; raises CompressionError if
               they are lost

        Returns (in use now, no longer in use). Raises CompressionError if there is nothing to go back to.
        """
        champion, previous = self.champion(), self.previous()
        if previous is None:
            raise CompressionError(self._nothing_before(champion))
        files(previous)
        if champion is not None:
            self._tag(champion, names.ROLLED_BACK, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
        if names.ROLLED_BACK in self._client.get_model_version(self._name, previous.number).tags:
            self._client.delete_model_version_tag(self._name, previous.number, names.ROLLED_BACK)
        self.crown(Succession(previous, champion))
        if champion is None:
            self._client.delete_registered_model_alias(self._name, PREVIOUS)
        return previous, champion

    def _nothing_before(self, champion: Version | None) -> str:
        """Why there is nothing to go back to, and what to do."""
        found = "no champion" if champion is None else f"version {champion.number} in use and none before it"
        others = [version.number for version in map(self._version, self._versions()) if version != champion]
        cure = (
            f"give the version to go back to, of {_listed(others)}, the alias `{PREVIOUS}` in MLflow, and repeat this"
            if others
            else "a previous version exists once a second model was promoted"
        )
        return f"model {self._name!r} has {found}: there is nothing to go back to\n  {cure}"

    def _cure(self, version: Version) -> str:
        """What to do where a version's files are lost."""
        champion = self.champion()
        if champion is not None and champion.number != version.number:
            return (
                f"version {champion.number} stays in use; restore MLflow's artifacts, or give a version whose files "
                f"are there the alias `{PREVIOUS}`"
            )
        return (
            f"`compression run {self._recipe}` records it anew if its artifact is still in the store; else restore "
            f"MLflow's artifacts, or delete the model's alias `{CHAMPION}` there and run that"
        )

    def _predecessor(self, version: Version) -> Version | None:
        """The version that one replaced by its tag, if that is still there."""
        known = {str(found.version): found for found in self._versions()}
        number = known[version.number].tags.get(names.PREDECESSOR) if version.number in known else None
        return self._version(known[number]) if number in known and number != version.number else None

    def _tag(self, version: Version, name: str, value: str) -> None:
        self._client.set_model_version_tag(self._name, version.number, name, value)

    def _registered(self, asset: str, digest: str, model_id: str) -> Version:
        return self._readable(digest) or self._register(model_id, {names.ASSET: asset, names.DIGEST: digest})

    def _readable(self, digest: str) -> Version | None:
        """A version of a content whose files are there."""
        known = (self._version(found) for found in self._versions() if found.tags.get(names.DIGEST) == digest)
        return next((version for version in known if self.is_readable(version)), None)

    def _register(self, model_id: str, tags: dict[str, str]) -> Version:
        import mlflow

        connection.use(self._client.tracking_uri)
        with redirect_stderr(StringIO()):  # where MLflow prints that it did so
            made = mlflow.register_model(f"models:/{model_id}", self._name, tags=tags)
        self._client.update_registered_model(self._name, _about(self._recipe))
        return self._version(self._client.get_model_version(self._name, str(made.version)))

    def _with_ancestry(self, description: str, version: Version) -> str:
        text = f"{description}\n\nMade from:\n\n"
        made_from = self._query.backward(version.run_id).relatives if self._query.knows(version.run_id) else ()
        room = names.REGISTRY_LIMIT - len(text)
        return (
            text + ancestry.within(made_from, room) if made_from and room > 0 else description[: names.REGISTRY_LIMIT]
        )

    def _of_alias(self, alias: str) -> Version | None:
        from mlflow.exceptions import MlflowException

        try:
            return self._version(self._client.get_model_version_by_alias(self._name, alias))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            if error.error_code == "PERMISSION_DENIED" and not self._is_there():
                return None  # a server with passwords answers so to a question for what is not there
            raise

    def _is_there(self) -> bool:
        """Whether there is a registered model of the recipe that this user may read."""
        return bool(self._client.search_registered_models(f"name = '{self._name}'", max_results=1))

    def _versions(self) -> "list[Any]":
        return list(self._client.search_model_versions(f"name = '{self._name}'", max_results=10_000))

    def _version(self, found: Any) -> Version:
        tags = found.tags
        return Version(str(found.version), found.run_id or "", tags.get(names.ASSET, ""), tags.get(names.DIGEST, ""))


def _listed(versions: list[str]) -> str:
    """The newest ones: `3, 2, 1`."""
    newest = sorted(versions, key=int, reverse=True)
    return ", ".join(newest[:_LISTED]) + (f" and {len(newest) - _LISTED} more" if len(newest) > _LISTED else "")


def _about(recipe: str) -> str:
    """What the page of the registered model says."""
    return (
        f"Promoted quantized students of recipe `{recipe}`. The alias `{CHAMPION}` is the one in use, `{PREVIOUS}` the "
        f"one that it replaced; `compression rollback {recipe}` swaps them. Each version's description says why it was "
        "promoted and leads to its run, its measurements and its data."
    )
