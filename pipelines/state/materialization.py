"""One materialization of an asset: how it was made, what came out, and what its gates say of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
class MadeOn:
    """Where a result was computed, and with what: all that its bits may depend on beside what it was made from.

    device     `cpu`, `cuda:0`, `mps`;  device_name  what an accelerator is called, else empty
    threads    of the processor, where the last bits depend on their number; else None
    host, processor, versions   the machine, its processor, and the packages that compute
    """

    device: str
    device_name: str
    threads: int | None
    host: str
    processor: str
    versions: str

    def words(self) -> str:
        """`cpu (1 thread) of HOST`."""
        name = self.device_name if self.threads is None else f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.device}{f' ({name})' if name else ''} of {self.host}"

    def unlike(self, other: "MadeOn") -> list[str]:
        """In what another place differs, as far as bits may depend on it."""
        pairs = [(field, getattr(self, field), getattr(other, field)) for field in _OF_BITS]
        return [f"{field.replace('_', ' ')} {a or 'none'} → {b or 'none'}" for field, a, b in pairs if a != b]


_OF_BITS = ("device", "device_name", "threads", "processor", "versions")


@dataclass(frozen=True)
class Unrecorded:
    """What MLflow is to be told of a computation that it did not hear of, or not to the end: what no other field says.

    run_id          of the run that was begun; empty if none was
    kind            of the asset
    started, ended  of the stage, seconds since 1970
    dagster_run_id  the run in Dagster
    parameters      with what was observed in them, such as seeds
    epochs          one mapping of metrics an epoch
    tags            who computed, where, with what
    changes         since the asset's last result, in Markdown; None if it is the first
    last            that result
    """

    run_id: str
    kind: str
    started: float
    ended: float
    dagster_run_id: str
    parameters: Mapping[str, Any]
    epochs: tuple[Mapping[str, float], ...]
    tags: Mapping[str, str]
    changes: tuple[str, ...] | None
    last: Source | None


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
    experiment_id, run_id, model_id   the MLflow run that computed the artifact, however old, and its model; of what
                 is not in MLflow yet `run_id` is the computation's own id, to which `History.complete` adds the run's
    computed     False if a known artifact was reused
    metrics      the stage's headline numbers
    seconds      duration of the computation (of the original one, if reused)
    gates        the thresholds that it was judged by;  checks  what they found
    made_on      where it was computed; None where an earlier version did not say
    unrecorded   what MLflow is to be told, where it was out of reach
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
    made_on: MadeOn | None = None
    unrecorded: Unrecorded | None = None

    @property
    def blocked(self) -> tuple[Check, ...]:
        """The failed checks for which nothing may be made from it."""
        return tuple(check for check in self.checks if check.blocking and not check.passed)


_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("recipe", "asset", "derivation", "action", "artifact", "digest", "experiment_id", "run_id"), str),
    **dict.fromkeys(("parameters", "code", "metrics", "gates"), Mapping),
    **dict.fromkeys(("time", "seconds"), int | float),
    "model_id": str | None,
}


def to_json(entry: Materialization) -> dict[str, Any]:
    """A materialization as JSON types."""
    return asdict(entry)


def from_json(fields: Any) -> Materialization:
    """A materialization from JSON types. Raises ValueError if they are none, such as after an edit by hand."""
    try:
        known = {name: value for name, value in fields.items() if name in Materialization.__dataclass_fields__}
        known["inputs"] = {name: Source(**source) for name, source in fields["inputs"].items()}
        known["warnings"] = tuple(fields["warnings"])
        known["made_on"] = MadeOn(**fields["made_on"]) if fields.get("made_on") else None
        known["unrecorded"] = _unrecorded(fields.get("unrecorded"))
        known["checks"] = tuple(Check(**check) for check in fields.get("checks", ()))
        entry = Materialization(**known)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no materialization: {error}") from error
    if wrong := [name for name, types in _TYPES.items() if not isinstance(getattr(entry, name), types)]:
        raise ValueError(f"no materialization: {', '.join(wrong)}")
    return entry


def _unrecorded(fields: Any) -> Unrecorded | None:
    if not fields:
        return None
    tuples: dict[str, Any] = {
        "epochs": tuple(fields["epochs"]),
        "changes": None if fields["changes"] is None else tuple(fields["changes"]),
        "last": Source(**fields["last"]) if fields["last"] else None,
    }
    return Unrecorded(**{**fields, **tuples})
