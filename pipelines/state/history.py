"""What was materialized: one append-only file an asset, the newest entry last.

The newest entry is what downstream assets load and what `status` compares with the recipe; the older ones say which
artifacts a retention window still refers to.
"""

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Source:
    """What a materialization loaded as one of its inputs.

    digest      content digest
    run_id, model_id, experiment_id   in MLflow; None for what is observed
    artifact    id in the artifact store;  derivation  how it was made; None for what is observed
    """

    digest: str
    run_id: str | None = None
    model_id: str | None = None
    experiment_id: str | None = None
    artifact: str | None = None
    derivation: str | None = None


@dataclass(frozen=True)
class Check:
    """What a gate found.

    name      as Dagster shows it: `accuracy_floor`, `latency_int8`
    passed    whether the result satisfies it
    blocking  whether nothing may be made from a result that does not
    words     one sentence with the number found and the threshold
    numbers   the same numbers, by name
    subject   the model that it is about, where that is not the asset itself
    """

    name: str
    passed: bool
    blocking: bool
    words: str
    numbers: Mapping[str, float]
    subject: str | None = None


@dataclass(frozen=True)
class Materialization:
    """One materialization of an asset: how it was made and what came out.

    action       the key under which the action cache knows it
    artifact     id in the artifact store;  digest  its content digest
    experiment_id, run_id, model_id   the MLflow run that computed the artifact, however old, and its model
    computed     False if a known artifact was reused
    metrics      the stage's headline numbers
    seconds      duration of the computation (of the original one, if reused)
    gates        the thresholds that it was judged by;  checks  what they found
    """

    recipe: str
    asset: str
    time: float
    derivation: str
    parameters: Mapping[str, Any]
    code: Mapping[str, str]
    inputs: Mapping[str, Source]
    action: str
    artifact: str
    digest: str
    experiment_id: str
    run_id: str
    model_id: str | None
    computed: bool
    seconds: float
    metrics: Mapping[str, float]
    warnings: tuple[str, ...] = field(default=())
    gates: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = field(default=())

    @property
    def blocked(self) -> tuple[Check, ...]:
        """The failed checks for which nothing may be made from it."""
        return tuple(check for check in self.checks if check.blocking and not check.passed)


def to_json(entry: Materialization) -> dict[str, Any]:
    """A materialization as JSON types."""
    return asdict(entry)


def from_json(fields: Mapping[str, Any]) -> Materialization:
    """A materialization from JSON types."""
    known = {name: value for name, value in fields.items() if name in Materialization.__dataclass_fields__}
    known["inputs"] = {name: Source(**source) for name, source in fields["inputs"].items()}
    known["warnings"] = tuple(fields["warnings"])
    known["checks"] = tuple(Check(**check) for check in fields.get("checks", ()))
    return Materialization(**known)


class History:
    """The histories of all assets under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def append(self, entry: Materialization) -> None:
        """Add the newest entry of an asset, in one write that reaches the disk."""
        path = self._path(entry.recipe, entry.asset)
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(to_json(entry)) + "\n"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a process that was killed
            data = ("\n" * is_cut + line).encode()
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"only {written} of {len(data)} bytes could be appended to {path}: is the disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def latest(self, recipe: str, asset: str) -> Materialization | None:
        """The newest entry of an asset, or None if it was never materialized."""
        entries = deque(self._read(self._path(recipe, asset)), maxlen=1)
        return entries[0] if entries else None

    def of_asset(self, recipe: str, asset: str) -> Iterator[Materialization]:
        """Every entry of an asset, the newest last."""
        yield from self._read(self._path(recipe, asset))

    def all(self) -> Iterator[Materialization]:
        """Every entry of every asset."""
        for path in sorted(self._root.glob("**/*.jsonl")):
            yield from self._read(path)

    def _path(self, recipe: str, asset: str) -> Path:
        return self._root / recipe / f"{asset}.jsonl"

    def _read(self, path: Path) -> Iterator[Materialization]:
        if not path.exists():
            return
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                try:
                    fields = json.loads(line)
                except json.JSONDecodeError:
                    continue  # a line that a killed process left unfinished: its materialization did not end
                yield from_json(fields)
