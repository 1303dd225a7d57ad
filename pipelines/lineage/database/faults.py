"""What MLflow and its database answer when something is wrong with them, in words with a cure."""

import re
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from compression_ops.errors import CompressionError
from pipelines.state.home import public

_SHOWN = 300  # characters of somebody else's words
_REVISIONS = re.compile(r"database schema \(found version (\w+)")
_SQLITE = "sqlite:///"
_DAGSTER_SERVER = ("dagster_postgres.utils", "DagsterPostgresException")
_DATABASES = (("sqlite3", "Error"), ("sqlalchemy.exc", "SQLAlchemyError"), _DAGSTER_SERVER)
_LOCKED = "database is locked"
_OTHER_SCHEMA = ("no such column", "no such table", "has no column named")
_REFUSALS = (
    "BAD_REQUEST",
    "ENDPOINT_NOT_FOUND",
    "FEATURE_DISABLED",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "NOT_IMPLEMENTED",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
)
# What an error passes through on its way from a server, or from where artifacts are kept.
_OF_NETWORK = ("mlflow.", "requests.", "urllib3.", "botocore.", "boto3.", "s3fs.", "pipelines.lineage.")
_OF_ARTIFACTS = "mlflow.store.artifact"


class TrackingFault(CompressionError):
    """MLflow's tracking store cannot be used as it is."""


class TrackingUnavailable(TrackingFault):
    """MLflow's tracking store does not answer: it may do so later."""


@contextmanager
def told(uri: str) -> Generator[None]:
    """Raise TrackingFault for whatever MLflow, or the database at `uri`, raises in the block.

    It is TrackingUnavailable for a server's, or if another program holds the database: then another try may help.
    """
    try:
        yield
    except Exception as error:
        words = in_words(error, uri)
        if words is None:
            raise
        may_pass = not uri.startswith(_SQLITE) or _LOCKED in str(error)
        raise (TrackingUnavailable if may_pass else TrackingFault)(words) from error


def of_recording(error: BaseException, uri: str) -> str | None:
    """As `in_words`, also for what a network or a disk answers to whoever records a run; None for any other error."""
    if isinstance(error, TrackingFault):
        return str(error)
    if _is_of_network(error):
        where, what = public(uri), _cut(error, uri) or type(error).__name__
        return (
            f"what belongs to a run cannot be written to MLflow at {where}: {what}\n"
            "  make MLflow's artifacts writable and free some space, or start the server that keeps them"
        )
    return in_words(error, uri)


def may_pass(error: BaseException) -> bool:
    """Whether a later try may help: MLflow is out of reach, or takes nothing from this user. Not where it answers that
    it does not take what it is told.
    """
    return getattr(error, "error_code", "") not in _REFUSALS


def in_words(error: BaseException, uri: str) -> str | None:
    """What an error of MLflow's or of its database means at the tracking store `uri`; None for any other error."""
    if not _is_of_mlflow(error):
        return None
    if not uri.startswith(_SQLITE):
        return f"MLflow at {public(uri)} does not answer as it should: {_cut(error, uri)}\n  {_cure(error)}"
    file, text = uri.removeprefix(_SQLITE), str(error)
    if isinstance(error, UnicodeDecodeError):
        text = "malformed"
    if revision := _REVISIONS.search(text):
        return _another_version(file, uri, revision[1])
    if "not a database" in text or "malformed" in text:
        return (
            f"MLflow's database {file} is damaged: {_cut(error, uri)}\n"
            "  restore it from a backup, or move it away: a new one is made, in which `compression sync-lineage` "
            "records what was computed before; no result is lost"
        )
    if "readonly database" in text or "unable to open" in text or "disk is full" in text or "disk I/O" in text:
        return (
            f"MLflow's database {file} cannot be written: {_cut(error, uri)}; {_room(Path(file).parent)}\n"
            "  make its folder writable and free some space, or set COMPRESSION_HOME to another folder"
        )
    if _LOCKED in text:
        return f"MLflow's database {file} is in use by another program\n  wait until that ends, and try again"
    return (
        f"MLflow's database {file} does not answer as it should: {_cut(error, uri)}\n"
        "  if somebody edited or deleted things there, restore it from a backup, or move it away: a new one is made"
    )


def _cure(error: BaseException) -> str:
    """What to do about what a server answers."""
    match getattr(error, "error_code", ""):
        case "PERMISSION_DENIED" if "host header" in str(error).lower():
            return "start the server with this address among its `--allowed-hosts`"
        case "UNAUTHENTICATED":
            return "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        case "PERMISSION_DENIED":
            return "have the server's administrator permit that to this user, or set another user's credentials"
        case _:
            return "start the server that MLFLOW_TRACKING_URI names, or unset it to use the local database"


def _another_version(file: str, uri: str, revision: str) -> str:
    """An older schema can be brought up to date; a newer one is known to the version of MLflow that wrote it alone."""
    import mlflow

    versions = Path(str(mlflow.__file__)).parent / "store" / "db_migrations" / "versions"
    if any(versions.glob(f"{revision}_*.py")):
        cure = f"keep a copy of the file, then run `mlflow db upgrade {uri}`"
    else:
        cure = "install the version of MLflow that wrote it, or move the file away: a new one is made"
    return f"MLflow's database {file} is of another version than MLflow {mlflow.__version__}'s\n  {cure}"


def of_database(error: BaseException, folder: Path) -> str | None:
    """What an error of Dagster's databases means, which lie in `folder`; None for any other error."""
    if not _is_of_database(error):
        return None
    if _is_of_server(error):
        return (
            f"Dagster's database, which {folder / 'dagster.yaml'} names, does not answer: {_cut(_innermost(error))}\n"
            "  start its server, and run again: what was computed so far is kept, and not computed again"
        )
    if damaged := _damaged(folder):
        return (
            f"Dagster's database {damaged[0]} is damaged: {_cut(error)}\n"
            f"  restore {folder} from a backup, or move it away: a new one is made, which knows neither earlier runs "
            "nor which schedules were switched on or off; no result is lost"
        )
    if any(words in str(error) for words in _OTHER_SCHEMA):
        return (
            f"a database in {folder} is of another version of Dagster: {_cut(error)}\n"
            f"  after an upgrade keep a copy of the folder, then run `DAGSTER_HOME={folder} dagster instance migrate`; "
            "else install the version that wrote it"
        )
    return (
        f"a database in {folder} cannot be read or written: {_cut(error)}; {_room(folder)}\n"
        "  make the folder writable and free some space, or set COMPRESSION_HOME to another folder"
    )


def _room(folder: Path) -> str:
    """Of a full disk sqlite says an I/O error, or that it cannot open a file."""
    try:
        return f"its disk has {shutil.disk_usage(folder).free / 1e6:.1f} MB free"
    except OSError:
        return "its folder is not there"


def _innermost(error: BaseException) -> BaseException:
    return error if error.__cause__ is None else _innermost(error.__cause__)


def _is_of_server(error: BaseException) -> bool:
    """Whether it comes from PostgreSQL's driver, not from a file."""
    return type(_innermost(error)).__module__.startswith("psycopg") or isinstance(error, _types((_DAGSTER_SERVER,)))


def _damaged(folder: Path) -> list[Path]:
    """The sqlite files below a folder that are not sound."""
    return [file for file in sorted(folder.rglob("*.db")) if not _is_sound(file)]


def _is_sound(file: Path) -> bool:
    """True for one that cannot be asked: it has no room for what sqlite keeps beside it, is in use or not readable."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as found:
            return found.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError:
        return True
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def _is_of_mlflow(error: BaseException) -> bool:
    """Dagster has databases of its own, whose errors are of the same types."""
    if _is_of_database(error):
        return any(module.startswith(("mlflow.", "pipelines.lineage.")) for module in _raised_in(error))
    return isinstance(error, _types((("mlflow.exceptions", "MlflowException"),)))


def _is_of_network(error: BaseException) -> bool:
    """Of what MLflow does with a network or a disk; what this product itself reads elsewhere is not."""
    passed = _raised_in(error)
    if any(module.startswith(_OF_ARTIFACTS) for module in passed):
        return not isinstance(error, _types((("mlflow.exceptions", "MlflowException"),)))
    return isinstance(error, OSError) and (not passed or any(module.startswith(_OF_NETWORK) for module in passed))


def _is_of_database(error: BaseException) -> bool:
    """Text that is no UTF-8 stands in a sqlite file only after it was damaged."""
    if isinstance(error, UnicodeDecodeError):
        return any(module.startswith(("sqlalchemy.", "pipelines.lineage.database.")) for module in _raised_in(error))
    return isinstance(error, _types(_DATABASES))


def _raised_in(error: BaseException) -> list[str]:
    """The modules that an error passed through."""
    return [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]


def _types(names: Iterable[tuple[str, str]]) -> tuple[type[BaseException], ...]:
    """Without importing what was not imported: then it raised nothing."""
    return tuple(getattr(sys.modules[module], name) for module, name in names if module in sys.modules)


def _cut(error: BaseException, uri: str = "") -> str:
    """Its first line, which says what is wrong; the others are statements and addresses of manuals."""
    return public(str(error).partition("\n")[0], uri)[:_SHOWN]
