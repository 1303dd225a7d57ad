"""Where the state of the product lies, and the settings that say so. All of it under one folder, `COMPRESSION_HOME`.

dagster/      Dagster's instance            mlflow/       MLflow's database and artifacts
store/        artifacts and known actions   history/      what was materialized, asset by asset
data/         downloaded data sets          raw_digests.json   digests of raw files by path and stamp
last_good/    each recipe as it was when `compression ui` last found it right
running/      what stages in progress have written
postponed/    decisions that wait for MLflow
cache/        what was read of a remote store   reading/   locks of those who fill it
dry_runs/     which networks can go their whole way, by the digest of all that this depends on; their traced graphs
searches/     studies of `compression run --search`: one folder a recipe, in it one a study
mlflow_port   at which `compression ui` last served MLflow, if that was not the usual one
parsed_modules.json   what parsing found in the code of stages

Histories, generations, decisions that wait and turns are a `Journal`: with `COMPRESSION_STATE` they lie in a database.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.recipe import project
from pipelines.state.journal import journal
from pipelines.state.journal.journal import Journal

USUAL_PORT = 5000  # of MLflow's pages
SEARCHING = "searching.lock"  # in a study's folder, held by the process that searches
# What stands before the last @ of an address, since a password that nobody escaped may hold any character: up to
# where the next address begins, and not of this machine's name or of a number, which no user has.
_USER = re.compile(
    r"(?<!/)(?<!file:)(?<!sqlite:)//(?!(?:localhost|\d+(?:\.\d+){3}|\[[\da-fA-F:.]+\])(?::\d+)?(?:[/?#\s]|$))"
    r"(?:(?![\s\"'(<,;=]\w[\w+.-]*://).)*@"
)
_ESCAPED_USER = re.compile(r"(?<!/)//[^/?#\s@]*@")
_NOT_WHOLE = (
    "its words are not shown, since they may quote pieces of an address that cannot be read whole: in a user or a "
    "password write % and two digits for each / ? # @ and space"
)
_SECRET = re.compile(
    r"([?&;#][^=&\s]*(?:password|passwd|pwd|token|secret|sig|signature|key|credential)[^=&\s]*=)[^&\s]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Home:
    """The folder of all state; nothing is created before it is needed."""

    root: Path

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME of the product's own instance."""
        return self.root / "dagster"

    @property
    def dagster_in_use(self) -> Path:
        """The folder of Dagster's instance: `DAGSTER_HOME`, or the product's own."""
        return Path(os.environ.get("DAGSTER_HOME") or self.dagster)

    @property
    def mlflow(self) -> Path:
        """MLflow's sqlite database and artifacts."""
        return self.root / "mlflow"

    @property
    def own_database(self) -> Path:
        """The sqlite file of MLflow's that moves with the home."""
        return self.mlflow / "mlflow.db"

    @property
    def journal(self) -> Journal:
        """What processes share: in this folder, or in the database that `COMPRESSION_STATE` names."""
        return journal.opened(self.root)

    @property
    def history(self) -> Journal:
        """The lines of each asset."""
        return self.journal.within("history")

    @property
    def trials(self) -> Journal:
        """The lines of all searches' trials: `<recipe>/<study>/history`."""
        return self.journal.within("searches")

    @property
    def studies(self) -> dict[str, Journal]:
        """Those of each study's trials, by `<recipe>/<study>`."""
        names = sorted({"/".join(name.split("/")[:2]) for name in self.trials.names()})
        return {name: self.trials.within(f"{name}/history") for name in names}

    @property
    def raw_digests(self) -> Path:
        """Digests of files that recipes name, by path and stamp."""
        return self.root / "raw_digests.json"

    @property
    def parsed_modules(self) -> Path:
        """What parsing found in the code of stages, by the digest of the source."""
        return self.root / "parsed_modules.json"

    @property
    def data(self) -> Path:
        """Downloaded data sets."""
        return self.root / "data"

    @property
    def dry_runs(self) -> Path:
        """Which networks have gone their whole way on a few samples, one file each."""
        return self.root / "dry_runs"

    @property
    def searches(self) -> Path:
        """Studies, `<recipe>/<study>`, each with its trials' own history."""
        return self.root / "searches"

    @property
    def running(self) -> Path:
        """What stages in progress have written."""
        return self.root / "running"

    @property
    def last_good(self) -> Path:
        """Recipes, one file each, as they were when they were last right."""
        return self.root / "last_good"

    @property
    def store_url(self) -> str:
        """The artifact store: `COMPRESSION_STORE` (any fsspec URL), or the folder `store`."""
        return os.environ.get("COMPRESSION_STORE") or str(self.root / "store")

    @property
    def owns_store(self) -> bool:
        """Whether all that refers to the store is known here."""
        from pipelines.state import ownership  # which imports fsspec

        return ownership.is_owned(self)

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking server: `MLFLOW_TRACKING_URI`, or the local sqlite database."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.own_database}"

    @property
    def owns_mlflow(self) -> bool:
        """Whether MLflow's database lies in this home, so that no other home can refer to its runs."""
        return not os.environ.get("MLFLOW_TRACKING_URI")

    @property
    def mlflow_address(self) -> str:
        """Where a browser finds MLflow: `COMPRESSION_MLFLOW_ADDRESS`, the tracking server, or `compression ui`.

        It stands in links that others read, so without user and password, for which a browser asks.
        """
        configured = os.environ.get("COMPRESSION_MLFLOW_ADDRESS")
        if not configured and not self.tracking_uri.startswith("http"):
            return f"http://127.0.0.1:{self.mlflow_port}"
        return public(configured or self.tracking_uri).rstrip("/")

    @property
    def mlflow_port(self) -> int:
        """Where `compression ui` last served MLflow, so that what others compute links to it; 5000 at first."""
        try:
            port = int((self.root / "mlflow_port").read_text())
        except (OSError, ValueError):
            return USUAL_PORT
        return port if 0 < port < 65536 else USUAL_PORT

    def serve_mlflow_at(self, port: int) -> None:
        """Remember the port that `mlflow_port` gives."""
        if port != self.mlflow_port:
            from pipelines.state import atomic

            atomic.write(self.root / "mlflow_port", str(port).encode())

    @property
    def data_folders(self) -> tuple[Path, ...]:
        """Where raw data are looked for, in order: `COMPRESSION_DATA`, then the folder `data`."""
        configured = os.environ.get("COMPRESSION_DATA")
        return (*((Path(configured).resolve(),) if configured else ()), self.data)


def public(words: str, address: str = "") -> str:
    """An address, or somebody's words, without what the addresses in them say of users and passwords.

    Of words about an `address` that cannot be read whole none are shown: whoever tried it may quote any piece of it.
    """
    if _USER.sub("//", address) != _ESCAPED_USER.sub("//", address):
        return _NOT_WHOLE
    return _SECRET.sub(r"\1…", _USER.sub("//", words))


def current() -> Home:
    """The home that the environment names, `COMPRESSION_HOME`, or else that of the project (see `recipe.project`)."""
    return _configured() or Home(project.current().state)


def of_recipe(file: Path) -> Home:
    """The home of a recipe's file, whatever the current folder: that of the project which the file lies in."""
    belongs_to = None if project.checkout() else project.enclosing(file.resolve().parent)
    return _configured() or Home((belongs_to or project.current()).state)


def _configured() -> Home | None:
    stated = os.environ.get("COMPRESSION_HOME")
    return Home(Path(stated).resolve()) if stated else None
