"""Which runs of MLflow's computations got later: those that were made while it was out of reach, or whose run it lost.

One append-only file beside the histories, a line each, the newest of a run last:

  {"of": <run id in the history>, "experiment_id": ..., "run_id": ..., "model_id": ...}

A history stays as it was written; whoever reads it is told the later ids.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.state import append_only
from pipelines.state.materialization import Materialization, Source


@dataclass(frozen=True)
class Record:
    """A run of MLflow's, and the model that it logged."""

    experiment_id: str
    run_id: str
    model_id: str | None


class Recorded:
    """The file of one folder of histories; read anew when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = (0, 0)
        self._records: Mapping[str, Record] = {}

    def add(self, run_id: str, record: Record) -> None:
        """Note where the computation stands that a history knows under a run's id."""
        append_only.append(self._path, json.dumps({"of": run_id, **asdict(record)}))

    def resolved(self, entry: Materialization) -> Materialization:
        """An entry with the ids that it and its inputs have in MLflow now."""
        records = self._read()
        if not records:
            return entry
        sources = {name: _resolved(source, records) for name, source in entry.inputs.items()}
        record = _last(entry.run_id, records)
        found = replace(entry, inputs=sources)
        return found if record is None else replace(found, **asdict(record), unrecorded=None)

    def _read(self) -> Mapping[str, Record]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = found.st_ino, found.st_size  # a compacted file is another one
        if seen != self._seen:
            lines = self._path.read_bytes().splitlines()
            self._records = dict(record for line in lines if (record := record_of(line)))
            self._seen = seen
        return self._records


def _last(run_id: str, records: Mapping[str, Record]) -> Record | None:
    """Where a run stands now: a run that was lost may have been recorded anew more than once."""
    found, seen = records.get(run_id), {run_id}
    while found is not None and found.run_id in records and found.run_id not in seen:
        seen.add(found.run_id)
        found = records[found.run_id]
    return found


def _resolved(source: Source, records: Mapping[str, Record]) -> Source:
    record = _last(source.run_id or "", records)
    return source if record is None else replace(source, **asdict(record))


def record_of(line: bytes) -> tuple[str, Record] | None:
    """What a line says; None for one that a killed process cut, or that somebody edited."""
    try:
        fields: Any = json.loads(line)
        of, experiment_id, run_id, model_id = (fields[name] for name in ("of", "experiment_id", "run_id", "model_id"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_sound = all(isinstance(text, str) for text in (of, experiment_id, run_id)) and isinstance(model_id, str | None)
    return (of, Record(experiment_id, run_id, model_id)) if is_sound else None
