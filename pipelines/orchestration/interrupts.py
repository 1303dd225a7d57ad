"""A user's stop is obeyed: SIGINT (Ctrl-C, *Terminate* in the UI) or SIGTERM ends what runs, once and without retries.

Dagster raises a signal inside a step only, there at any moment and as often as it comes, and tries the step again where
it has a retry policy. Here the first one raises KeyboardInterrupt, and none that follows disturbs what it unwinds.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

from compression_ops.errors import CompressionError, told
from pipelines.execution import progress

STOPS = (signal.SIGINT, signal.SIGTERM)
_RAISED = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")  # by a handler of ours or of Dagster's
_UNWINDING = 5.0  # seconds that a stop has for itself; one that comes later is another try
_AGAIN = 0.02  # seconds until a stop that was swallowed comes again
_PAUSE = 0.1  # seconds between two looks at what a run waits for
_looks: list[Callable[[Sequence[str]], None]] = []


def listen() -> Callable[[], bool]:
    """Let stops raise KeyboardInterrupt from now on, in the main thread; returns whether one came."""
    times: list[float] = []
    numbers: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        is_first = not times or now - times[-1] > _UNWINDING
        times.append(now)
        numbers.append(number)
        if is_first:
            # It logs, with a traceback, what is raised while it closes a connection, and raises it again.
            logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
            raise KeyboardInterrupt("interrupted")

    def swallowed(found: Any) -> None:
        # Of a weak reference's callback or a destructor, which run at any moment, Python prints what is raised in it.
        if found.exc_type.__name__ not in _RAISED:
            sys.__unraisablehook__(found)
            return
        times.clear()
        number = numbers[0] if numbers else signal.SIGINT
        threading.Timer(_AGAIN, os.kill, (os.getpid(), number)).start()

    for number in STOPS:
        signal.signal(number, stop)
    sys.unraisablehook = swallowed
    return lambda: bool(numbers)


def ignore() -> None:
    """Let stops pass without effect from now on: what they ask for is about to happen."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    # An interrupt that passed through an `exec`, as in any import of dataclasses, CPython takes for one that nobody
    # caught, and dies by the signal instead of the exit code. The next `exec` makes it forget.
    exec("")


@contextmanager
def raised() -> Generator[None]:
    """Raise KeyboardInterrupt at a stop in the block, whatever else it breaks on its way out."""
    with _handlers_restored() as is_main:
        came = listen() if is_main else lambda: False

        def insist(event: progress.Event) -> None:
            # An import that tolerates failures swallows what is raised in it.
            if came() and not isinstance(event, progress.Ended):
                raise KeyboardInterrupt("interrupted")

        try:
            with progress.subscribed(insist):
                yield
        except Exception as error:
            if came():
                raise KeyboardInterrupt("interrupted") from error
            raise
        except KeyboardInterrupt as error:
            if came() or not is_main:
                raise
            raise CompressionError(of_code(error)) from error


def of_code(error: KeyboardInterrupt) -> str:
    """What to say of an interrupt that no signal asked for."""
    return f"nobody interrupted it, but code that it runs did: {told(error)}. Let that raise another error instead"


@contextmanager
def obeyed(undo: Callable[[], None]) -> Generator[Callable[[], signal.Signals | None]]:
    """End a block in which Dagster took a stop, however it answered it: call `undo` and raise KeyboardInterrupt.

    Yields what `noticed` yields.
    """
    with _handlers_restored() as is_main, noticed() as stop:
        try:
            yield stop
        except BaseException:
            if stop() is None:
                raise
        if stop() is not None:
            if is_main:
                ignore()
            undo()
            raise KeyboardInterrupt("interrupted")


@contextmanager
def noticed() -> Generator[Callable[[], signal.Signals | None]]:
    """A function that tells which stop came first in the block, whoever's handler took it; None if none did."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    numbers = bytearray()

    def stop() -> signal.Signals | None:
        with suppress(BlockingIOError):
            numbers.extend(reader.recv(4096))
        return next((signal.Signals(number) for number in numbers if number in STOPS), None)

    outer = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(outer, warn_on_full_buffer=False)
        came = stop()
        if came is not None and outer != -1:
            os.write(outer, bytes([came]))
        reader.close()
        writer.close()


@contextmanager
def _handlers_restored() -> Generator[bool]:
    """Yields whether this is the main thread, the only one where signals are handled."""
    is_main = threading.current_thread() is threading.main_thread()
    before = [(number, signal.getsignal(number)) for number in STOPS]
    hook = sys.unraisablehook
    try:
        yield is_main
    finally:
        if is_main:
            for number, handler in before:
                signal.signal(number, handler)
            sys.unraisablehook = hook


def teach_dagster() -> None:
    """Two places in Dagster that know no stop: the wait for a pool or a retry, and the processes that mirror its logs.

    The wait looks at no signal (and at a pool's slot without a pause); the processes, which stand in the terminal's
    group, print a traceback at Ctrl-C.
    """
    from dagster._core.errors import DagsterExecutionInterruptedError
    from dagster._core.execution import compute_logs
    from dagster._core.execution.plan.active import ActiveExecution

    def wait(self: ActiveExecution) -> None:
        if self.check_for_interrupts():
            raise DagsterExecutionInterruptedError("interrupted while it waited")
        claims = self._instance_concurrency_context  # pyright: ignore[reportPrivateUsage]
        for look in _looks:
            look(claims.pending_claim_steps() if claims else [])
        time.sleep(_PAUSE)

    ActiveExecution.sleep_til_ready = wait
    if compute_logs.execute_posix_tail.__module__ != __name__:
        compute_logs.execute_posix_tail = _spared(compute_logs.execute_posix_tail)


@contextmanager
def while_waiting(look: Callable[[Sequence[str]], None]) -> Generator[None]:
    """Call `look` again and again while a run of this process waits, with the steps that wait for a pool."""
    _looks.append(look)
    try:
        yield
    finally:
        _looks.remove(look)


def _spared(mirror: Any) -> Any:
    """Of `mirror`, whose processes inherit that SIGINT is blocked while they start."""

    @contextmanager
    def spared(path: str, stream: Any) -> Generator[Any]:
        with ExitStack() as stack:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                processes = stack.enter_context(mirror(path, stream))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield processes

    return spared
