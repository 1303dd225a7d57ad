"""The entry point: runs the commands, and tells errors and stops in words instead of tracebacks."""

import atexit
import gc
import sys

from pipelines.orchestration import interrupts


def main() -> None:
    """Run the command line; exit 1 with the cause if it fails, 130 if it is interrupted, 143 if it is terminated."""
    interrupts.listen()  # before the imports that take time, so that a stop is obeyed during these, too
    atexit.register(gc.freeze)  # else the interpreter walks a last time through all that torch and MLflow loaded: 1 s
    with interrupts.noticed() as stop:
        try:
            _run()
        except BaseException as error:
            interrupts.ignore()
            number = stop()
            if number is None or (isinstance(error, SystemExit) and not error.code):
                raise
            _fail("interrupted; what was computed so far is kept")
            sys.exit(128 + number)


def _run() -> None:
    from compression_ops.errors import CompressionError
    from pipelines.cli import app
    from pipelines.cli.terminal.console import prepare

    prepare()
    try:
        app.of(sys.argv[1:])()
    except CompressionError as error:
        _fail(str(error))
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.strerror or type(error).__name__}: {error.filename or error}")
        sys.exit(1)


def _fail(message: str) -> None:
    from pipelines.cli.terminal.console import fail

    fail(message)


if __name__ == "__main__":
    main()
