"""`compression ui`."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from compression_ops.errors import CompressionError
from pipelines.cli.terminal.console import err, fail, out
from pipelines.commands import watch
from pipelines.recipe import file as recipe_file

_OF_ANOTHER = (
    "no daemon is started: another one was alive in this database {:.0f} s ago, and does "
    "what schedules and sensors ask for. If it was yours and has ended, begin again in a minute and a half"
)
_MOVED = (
    "From now on results link to MLflow at this port. Those in Dagster from before lead to port {0}; "
    "`--mlflow-port {0}` serves it there."
)
_INTERVAL = 0.5  # seconds between two looks at servers and files


def command(
    port: Annotated[int, typer.Option(help="Of Dagster's UI.", min=1, max=65535)] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Of MLflow's UI.", min=1, max=65535)] = 5000,
) -> None:
    """Serve Dagster's UI (with its daemon) and MLflow's on this machine only; Ctrl-C ends both.

    A changed recipe or module is loaded without *Reload definitions*.
    """
    from pipelines.commands import serve
    from pipelines.lineage import connection
    from pipelines.orchestration import instance, interrupts
    from pipelines.state import home

    place = home.current()
    words = ""
    own_mlflow = connection.local_database(place) is not None
    address = f"http://{serve.HOST}:{mlflow_port}" if own_mlflow else place.mlflow_address
    serve.require_free(port, "--port")
    if own_mlflow:
        serve.require_free(mlflow_port, "--mlflow-port")
        moved = place.own_database.exists() and place.mlflow_port != mlflow_port
        words = _MOVED.format(place.mlflow_port) if moved else words
        connection.prepare(place)
        place.serve_mlflow_at(mlflow_port)
    daemon = instance.daemon_age(place)
    environment = serve.environment(place, instance.folder(place), address)
    signal.signal(signal.SIGHUP, _interrupt)  # SIGINT and SIGTERM raise as well, in every command
    servers: list[serve.Server] = []
    try:
        watching = watch.Watch()  # before the servers: what changes while they start is seen too
        if own_mlflow:  # with MLFLOW_TRACKING_URI set, somebody else's server holds the lineage
            servers.append(serve.mlflow(place, mlflow_port, environment))
        servers.append(serve.dagster(port, environment, with_daemon=daemon is None))
        if own_mlflow:
            serve.wait_until_ready(servers, f"{address}/health", "MLflow")
        serve.wait_until_ready(servers, f"http://{serve.HOST}:{port}/server_info", "Dagster")
        for mistake in watching.mistakes:
            fail(mistake)
        if daemon is not None:
            err.print(_OF_ANOTHER.format(daemon))
        if words:
            out.say(words)
        out.print("Ctrl-C ends both." if own_mlflow else "Ctrl-C ends Dagster.")
        out.print(f"Dagster  http://{serve.HOST}:{port}")
        out.print(f"MLflow   {address}/#/experiments?workflowType=machine_learning")
        while all(server.is_running for server in servers):
            follow(watching, lambda: serve.reload(port))
            time.sleep(_INTERVAL)
        raise CompressionError("a server ended by itself; its last words stand above")
    except KeyboardInterrupt:
        err.print("ending both servers" if own_mlflow else "ending Dagster")
    finally:
        interrupts.ignore()  # an impatient second Ctrl-C would leave servers behind
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        serve.stop(servers)


def follow(watching: watch.Watch, reload: Callable[[], str | None]) -> None:
    """Look once; load a change and say so in a line, and each new mistake in its own words."""
    change = watching.look()
    if change is None:
        return
    for mistake in change.mistakes:
        fail(mistake)
    if not change.loadable:
        err.print("not reloaded: what was loaded last stays in use")
        return
    failure = reload()
    if failure is not None:
        fail(f"the definitions could not be loaded\n{failure.rstrip()}")
        return
    words = [f"{time.strftime('%H:%M:%S')} reloaded: {_listed(change.files) or 'no file changed'}"]
    words += [f"right again: {', '.join(change.mended)}"] if change.mended else []
    words += [f"the last good version is in use of: {', '.join(change.wrong)}"] if change.wrong else []
    err.print("; ".join(words), soft_wrap=True)


def _listed(files: tuple[Path, ...]) -> str:
    names = [recipe_file.displayed(path) for path in files[:3]]
    return ", ".join(names) + (f" and {len(files) - 3} more" if len(files) > 3 else "")


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
