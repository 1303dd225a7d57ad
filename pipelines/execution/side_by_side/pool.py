"""Processes of this machine that run jobs while this one does something else."""

import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from compression_ops.progress import Progress
from pipelines.execution.side_by_side.job import Answer, Done, Failed, Job, answer_from_line, run

_PAUSE = 0.2  # seconds, after which whoever waits for an answer looks whether it was interrupted
_LOST = Failed("", "")  # of a process that ended without an answer


@dataclass
class Begun:
    """A job that somebody has taken."""

    answers: "SimpleQueue[Answer]" = field(default_factory=SimpleQueue)
    last: Answer | None = None

    def result(
        self, report: Callable[[Progress], None], meanwhile: Callable[[Callable[[], None]], bool]
    ) -> Done | None:
        """Waits for it, and tells how far it is; None if the process that ran it was lost. Raises what it raised.

        meanwhile  does something else of use, and calls what it is given now and then; False if there is nothing to do
        """
        while True:
            self._look(report)
            if self.last is _LOST:
                return None
            match self.last:
                case Done():
                    return self.last
                case Failed():
                    raise self.last.error()
                case _:
                    if not meanwhile(lambda: self._look(report)):
                        self._wait()

    def _wait(self) -> None:
        with suppress(Empty):
            self.answers.put(self.answers.get(timeout=_PAUSE))

    def _look(self, report: Callable[[Progress], None]) -> None:
        """Tells what has come since; an answer is the last that comes."""
        while not self.answers.empty():
            self.last = self.answers.get()
            if isinstance(self.last, Progress):
                report(self.last)


class Pool:
    """At most `size` processes, each of which is begun with the first job that finds no other."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Condition()
        self._waiting: OrderedDict[str, Job] = OrderedDict()
        self._begun: dict[str, Begun] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._is_open = True

    def add(self, key: str, job: Job) -> None:
        """Have a job done; one whose key is there already is not done again."""
        with self._lock:
            if key in self._waiting or key in self._begun:
                return
            self._waiting[key] = job
            if len(self._processes) < self._size:
                self._processes.append(_process())
                threading.Thread(target=self._serve, args=(self._processes[-1],), daemon=True).start()
            self._lock.notify()

    def take(self, key: str) -> Begun | None:
        """The job of a key that a process has taken, once; None for one that none has: it is not done here any more."""
        with self._lock:
            self._waiting.pop(key, None)
            return self._begun.pop(key, None)

    def help(self, listener: Callable[[], None]) -> bool:
        """Do a job that waits in this process, and call `listener` as it goes on; False if none does."""
        with self._lock:
            if not self._waiting:
                return False
            job, begun = self._begin()

        def tell(answer: Answer) -> None:
            begun.answers.put(answer)
            listener()

        run(job, tell)
        return True

    def close(self) -> None:
        """End all processes, whatever they are at."""
        with self._lock:
            self._is_open = False
            self._lock.notify_all()
            self._waiting.clear()
        for process in self._processes:
            process.kill()
            with process:  # closes its pipes and waits for it
                pass

    def _serve(self, process: "subprocess.Popen[str]") -> None:
        while (taken := self._next()) is not None:
            job, begun = taken
            try:
                _ask(process, job, begun)
            except (OSError, ValueError):
                begun.answers.put(_LOST)
                return

    def _next(self) -> tuple[Job, Begun] | None:
        """A job that waits, as soon as one does; None when the pool is closed."""
        with self._lock:
            while self._is_open and not self._waiting:
                self._lock.wait()
            if not self._is_open:
                return None
            return self._begin()

    def _begin(self) -> tuple[Job, Begun]:
        """The last one first: whoever added them goes on with the others in turn."""
        key, job = self._waiting.popitem()
        self._begun[key] = Begun()
        return job, self._begun[key]


def _process() -> "subprocess.Popen[str]":
    """One that finds the modules which this one finds, a user's too. In a session of its own, so that Ctrl-C in a
    terminal reaches it through this process alone.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", f"{__package__}.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(str(Path(folder).resolve()) for folder in sys.path)},
        start_new_session=True,
    )


def _ask(process: "subprocess.Popen[str]", job: Job, begun: Begun) -> None:
    """Raises OSError or ValueError where the process ends before it has answered."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(job.to_line() + "\n")
    process.stdin.flush()
    while True:
        answer = answer_from_line(process.stdout.readline())  # an empty line, at its end, is no JSON
        begun.answers.put(answer)
        if not isinstance(answer, Progress):
            return
