"""The entry point: runs the commands, and tells errors and stops in words instead of tracebacks."""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from pipelines.execution import garbage_collector, idle_threads
from pipelines.orchestration import interrupts


def script() -> NoReturn:
    """`main` as a process of its own, which ends without taking apart what torch, Dagster and MLflow loaded.

    Threads are awaited, exit functions run and streams are flushed as ever.
    """
    garbage_collector.let_imports_pass()
    idle_threads.let_sleep()
    code: object = None
    try:
        main()
    except SystemExit as end:
        code = end.code
    if isinstance(code, str):
        _fail(code)
    threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends its processes
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # somebody closed the pipe
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Run the command line; exit 1 with the cause if it fails, 130 if it is interrupted, 143 if it is terminated."""
    interrupts.listen()  # before the imports that take time, so that a stop is obeyed during these, too
    with interrupts.noticed() as stop:
        try:
            _run()
        except BaseException as error:
            interrupts.ignore()
            number = stop()
            if number is None and isinstance(error, KeyboardInterrupt):
                _fail(interrupts.of_code(error))
                sys.exit(1)
            if number is None or (isinstance(error, SystemExit) and not error.code):
                raise
            _fail("interrupted; what was computed so far is kept")
            sys.exit(128 + number)


def _run() -> None:
    from compression_ops.errors import CompressionError
    from pipelines.cli import app
    from pipelines.cli.terminal.console import prepare
    from pipelines.lineage.database import faults
    from pipelines.state import home
    from pipelines.state.journal import outage

    prepare()
    outage.answer_a_person()
    try:
        app.of(sys.argv[1:])()
    except CompressionError as error:
        _fail(str(error))
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.strerror or type(error).__name__}: {error.filename or error}")
        sys.exit(1)
    except Exception as error:
        here = home.current()
        words = faults.in_words(error, here.tracking_uri) or faults.of_database(error, here.dagster_in_use)
        if words is None:
            raise
        _fail(words)
        sys.exit(1)


def _fail(message: str) -> None:
    from pipelines.cli.terminal.console import fail

    fail(message)


if __name__ == "__main__":
    script()
