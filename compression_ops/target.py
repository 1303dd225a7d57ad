"""A target: a quantized student in the form that another runtime takes.

Each module of `compression_ops.targets`, or one of the user's own, is one. It defines its options, a Spec with the
field `type`, and

    write(spec, model, folder) -> Written    `model` is a `model.onnx` that takes raw samples, `folder` is empty
    predictor(spec, folder, threads) -> Predictor

and, where they are not as given here,

    ALLOWED_DIFFERENCES = 0.0                the largest share of samples that it may classify otherwise than the ONNX
                                             session of the quantized student; if any, one sample at least
    IS_TIMED = False                         whether a call of the predictor tells how fast the target is
    misfits(spec, precision) -> Misfits      options that a quantized student of a precision does not allow
    footprint(spec, folder, sample) -> Footprint   what it takes of a machine; sample: the bytes of a raw one
    missing(spec) -> str | None              what of other people's it lacks on this machine, with a cure
    check(spec, model) -> None               with nothing of those: a ModelError for a model that no machine can write
    runs_here(spec) -> bool                  whether this machine can run what it can write; where it cannot,
    stand_in(spec, model) -> Predictor       is asked instead: it gives, of the `model.onnx`, the same to the bit

What it cannot write it says by a ModelError, with a cure. Its options import nothing heavy: a recipe is made of them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from compression_ops import implementations
from compression_ops.choices import Contract, function, one_of
from compression_ops.data.misfit import Misfit
from compression_ops.errors import ModelError
from compression_ops.footprint import Footprint
from compression_ops.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of raw samples, [N, ...] as a dataset holds them: logits, float32 [N, classes], or classes, int64 [N].
Predictor = Callable[["NDArray[Any]"], "NDArray[Any]"]

FACTS = "target.json"
TARGET = Contract(Spec, lambda _: {"write": 3, "predictor": 3})


def any_target() -> Any:
    """The type of a field that takes a target: its word alone, or a map with its options."""
    choice = one_of("targets", "type", TARGET)
    return Annotated[choice, BeforeValidator(_spelled_out, json_schema_input_type=choice | str)]


def _spelled_out(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class Written:
    """What a target tells of what it wrote.

    files           names of those that whoever uses the target needs; others may lie beside them
    oldest_runtime  the oldest release that was seen to take them, in words; None where none was tried
    metrics         numbers of its own
    identity        what two files that mean the same have in common, by name, where their bytes are not always the same
    volatile        names of such files: they stay out of what the target is known by, its identity does not
    warnings        sentences that a user should read
    """

    files: tuple[str, ...]
    oldest_runtime: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """What stands in `target.json`: the target's word, the bytes of each of its files, and the oldest runtime."""

    type: str
    files: Mapping[str, int]
    oldest_runtime: str | None

    @property
    def file_bytes(self) -> int:
        """Of all its files."""
        return sum(self.files.values())


def word(spec: Spec) -> str:
    """What a target is called: its module's name, without the packages that it lies in."""
    return implementations.module_name(spec).rpartition(".")[2]


def allowed_differences(spec: Spec) -> float:
    """The largest share of samples, in [0, 1], that it may classify otherwise: of any but 0, one sample at least."""
    return float(getattr(implementations.module_of(spec), "ALLOWED_DIFFERENCES", 0.0))


def is_timed(spec: Spec) -> bool:
    """Whether a call of it says, on this machine, how fast it is."""
    return bool(getattr(implementations.module_of(spec), "IS_TIMED", False)) and runs_here(spec)


def runs_here(spec: Spec) -> bool:
    """Whether this machine can run it; if not, it has a stand-in."""
    known = getattr(implementations.module_of(spec), "runs_here", None)
    return True if known is None else known(spec)


def has_stand_in(spec: Spec) -> bool:
    """Whether there are machines that cannot run it."""
    return hasattr(implementations.module_of(spec), "runs_here")


def footprint(spec: Spec, folder: Path, sample: bytes) -> Footprint | None:
    """What a written target takes, asked with a raw sample; None of one that does not tell."""
    known = getattr(implementations.module_of(spec), "footprint", None)
    return None if known is None else known(spec, folder, sample)


def misfits(spec: Spec, precision: Spec) -> Iterable[Misfit]:
    """Its options that a quantized student of this `quantization.precision.Precision` does not allow."""
    known = getattr(implementations.module_of(spec), "misfits", None)
    return () if known is None else known(spec, precision)


def missing(spec: Spec) -> str | None:
    """What it needs and this machine has not, a package or a program, in a sentence with a cure; None if nothing."""
    known = getattr(implementations.module_of(spec), "missing", None)
    return None if known is None else known(spec)


def refusal(spec: Spec, model: Path) -> str | None:
    """Why no machine can write it of a `model.onnx`, where that can be told without what is `missing`; None else."""
    check = getattr(implementations.module_of(spec), "check", None)
    try:
        return None if check is None else check(spec, model)
    except ModelError as error:
        return str(error)


def write(spec: Spec, model: Path, folder: Path) -> Written:
    """Write the target's files and `target.json`. Raises ModelError where it cannot hold the model."""
    written: Written = function(spec, "write")(spec, model, folder)
    missing = [name for name in written.files if not (folder / name).is_file()]
    if missing or not written.files:
        found = f"there is no {', '.join(missing)} in its folder" if missing else "it names no file"
        raise ModelError(f"the target {word(spec)} wrote nothing to use: {found}. `write` returns the files' names")
    facts = {
        "type": word(spec),
        "options": spec.model_dump(mode="json"),
        "files": {name: (folder / name).stat().st_size for name in sorted(written.files)},
        "oldest_runtime": written.oldest_runtime,
        **written.metrics,
        **written.identity,
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return written


def read(folder: Path) -> Facts:
    """What the folder of a written target says of it."""
    found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Facts(found["type"], found["files"], found["oldest_runtime"])


def predictor(spec: Spec, folder: Path, threads: int = 1, model: Path | None = None) -> Predictor:
    """Open a written target; where this machine cannot run it, its stand-in, of the `model.onnx` that it was made of.

    Raises ModelError where it does not run.
    """
    if model is not None and not runs_here(spec):
        return function(spec, "stand_in")(spec, model)
    return function(spec, "predictor")(spec, folder, threads)
