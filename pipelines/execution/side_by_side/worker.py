"""The process that runs stages for another one: `python -m pipelines.execution.side_by_side.worker`.

It reads jobs from its standard input, a line each, and ends when that ends: with the process that began it, however
it ended. Stages find nothing on their standard input, and what they print goes to standard error, so that jobs and
answers have theirs alone.
"""

import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO, cast

from pipelines.execution import garbage_collector, idle_threads
from pipelines.execution.side_by_side.job import Answer, Job, answer_to_line, run


def main() -> None:
    """Run one job after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this one, and that ends it
    idle_threads.let_sleep()
    answers, jobs = _own(sys.stdout, "w"), _own(sys.stdin, "r")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(jobs, lines), daemon=True).start()
    importlib.import_module("torch")  # before the first job is there
    garbage_collector.freeze_imports()

    def tell(answer: Answer) -> None:
        answers.write(answer_to_line(answer) + "\n")
        answers.flush()

    while True:
        run(Job.from_line(lines.get()), tell)


def _own(stream: TextIO, mode: str) -> TextIO:
    """A second name for a standard stream, which stages do not know."""
    return cast("TextIO", os.fdopen(os.dup(stream.fileno()), mode, encoding="utf-8"))


def _read(jobs: TextIO, lines: "SimpleQueue[str]") -> None:
    for line in jobs:
        lines.put(line)
    os._exit(0)  # whoever asked is gone, and nobody takes what is being computed


if __name__ == "__main__":
    main()
