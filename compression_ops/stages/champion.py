"""Stage: the best of the models that pass their gates, and whether it should replace the reigning champion."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from compression_ops.data.dataset import Description, Split, load_description, load_split, normalize
from compression_ops.errors import CompressionError, ModelError
from compression_ops.evaluation import latency, quality
from compression_ops.evaluation.promotion import SIGNIFICANT, Contender, Decision, decide, unopposed
from compression_ops.onnx_model import metadata
from compression_ops.onnx_model.session import open_session, predict
from compression_ops.progress import Progress, ProgressCallback
from compression_ops.stages.stage import StageResult

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, CHAMPION, DECISION = "model.onnx", "champion.json", "decision.json"
REIGNING = "reigning_champion"
_CHUNK = 256
_WARMUP = 10
_NAMED = 5


@dataclass(frozen=True)
class _Trial:
    """On what, and how, all models are judged. total: units of progress, one a model and one for the latency."""

    description: Description
    test: Split
    threads: int
    iterations: int
    progress: ProgressCallback
    total: int


@dataclass(frozen=True)
class _Model:
    """content: the serialized model without what it says about itself; description: of the data that it was made for,
    by its own words where it has any.
    """

    name: str
    content: bytes
    session: "InferenceSession"
    description: Description


@dataclass(frozen=True)
class _Judged:
    """A model with its logits, float32 [N, classes], on the test split, and the fraction that is right."""

    model: _Model
    logits: NDArray[np.float32]
    accuracy: float


@dataclass(frozen=True)
class _Outcome:
    """rival: the reigning champion where it was compared; already: the candidate is that champion itself; alarming:
    a user should read the words.
    """

    candidate: str | None
    decision: Decision
    rival: _Judged | None = None
    already: bool = False
    alarming: bool = False


def run(
    parameters: Mapping[str, Any], inputs: Mapping[str, Path], output: Path, progress: ProgressCallback
) -> StageResult:
    """Write `champion.json`: candidate (null: none passes), promoted, already, and the test accuracy and file bytes of
    each model that was looked at; and the volatile `decision.json`: the decision in words, and its numbers.

    parameters  candidates, {asset name: [sentences why it fails its gates], empty where it passes}; reigning, how to
                call the reigning champion, or null; threads and iterations of the latency measurement
    inputs      `dataset`, every candidate's folder with `model.onnx`, and `reigning_champion` likewise if there is one

    The candidate is the most accurate model that passes; of those that McNemar's test cannot tell from it, the smallest
    file. It replaces the reigning champion as `promotion.decide` says, at batch size 1. File bytes are those without
    metadata, which a champion has and a candidate need not. The reigning champion sees the test images normalized as it
    was trained; one for other classes or another shape cannot be compared, and is replaced. Raises CompressionError for
    a candidate that was not given, ModelError for one that does not run or is not made for this data set.
    """
    gates: Mapping[str, Sequence[str]] = parameters["candidates"]
    _require_inputs(gates, inputs)
    passing = sorted(name for name, reasons in gates.items() if not reasons)
    if not passing:
        return _write(_nobody(gates), [], output)
    folder = inputs["dataset"]
    trial = _Trial(
        description=load_description(folder),
        test=load_split(folder, "test"),
        threads=parameters["threads"],
        iterations=parameters["iterations"],
        progress=progress,
        total=len(passing) + (REIGNING in inputs) + 1,
    )
    judged = [_candidate(name, inputs[name], position, trial) for position, name in enumerate(passing)]
    reigning = None
    if REIGNING in inputs:
        reigning = _open(parameters["reigning"] or "the reigning champion", inputs[REIGNING], trial)
    result = _write(_contest(_best(judged, trial), reigning, trial), judged, output)
    progress(Progress("champion chosen", trial.total, trial.total, result.metrics))
    return result


def _require_inputs(gates: Mapping[str, Sequence[str]], inputs: Mapping[str, Path]) -> None:
    if missing := sorted(gates.keys() - inputs.keys()):
        raise CompressionError(
            f"candidates: {', '.join(missing)} cannot be judged: the stage's inputs are {', '.join(sorted(inputs))}"
        )


def _nobody(gates: Mapping[str, Sequence[str]]) -> _Outcome:
    failures = [f"{name}: {' '.join(reasons)}" for name, reasons in sorted(gates.items())]
    why = "no candidate passes its gates" if failures else "there is no candidate"
    return _Outcome(None, Decision(False, " ".join([f"Nothing is promoted: {why}.", *failures]), {}), alarming=True)


def _open(name: str, folder: Path, trial: _Trial) -> _Model:
    file = folder / MODEL
    session = open_session(file, trial.threads)
    described = metadata.is_described(session)
    description = metadata.read(session, str(file)).description if described else trial.description
    return _Model(name, metadata.content(onnx.load(file)), session, description)


def _candidate(name: str, folder: Path, position: int, trial: _Trial) -> _Judged:
    model = _open(name, folder, trial)
    if misfit := _misfit(model, trial):
        raise ModelError(f"{name}: {misfit}; a candidate must be made from the data set. Compute it again")
    return _judge(model, position, trial)


def _misfit(model: _Model, trial: _Trial) -> str | None:
    """Why the model cannot be judged on the data set, as a clause; None if it can."""
    known, wanted = model.description.classes, trial.description.classes
    if known != wanted:
        differing = [name for name in (*known, *wanted) if (name in known) != (name in wanted)]
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        names = ", ".join(map(repr, differing[:_NAMED])) + more
        return f"its classes and the data set's differ in {names or 'their order'}"
    outputs = model.session.get_outputs()[0].shape[-1]
    if isinstance(outputs, int) and outputs != len(wanted):
        return f"it tells {outputs} classes, and the data set has {len(wanted)}"
    inputs, shape = tuple(model.session.get_inputs()[0].shape[1:]), trial.description.shape
    if inputs != shape:
        return f"it takes images of shape {inputs}, and the data set's have {shape}"
    return None


def _judge(model: _Model, position: int, trial: _Trial) -> _Judged:
    """Predict the test split, in chunks: all of it as floats may not fit into memory."""
    labels = trial.test.labels.numpy()
    chunks = (normalize(chunk, model.description).numpy() for chunk in trial.test.images.split(_CHUNK))
    logits = np.concatenate([predict(model.session, chunk, _CHUNK) for chunk in chunks])
    quality.check_logits(model.name, logits, len(labels), len(trial.description.classes))
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    trial.progress(Progress(model.name, position + 1, trial.total, {"test_accuracy": accuracy}))
    return _Judged(model, logits, accuracy)


def _best(judged: Sequence[_Judged], trial: _Trial) -> _Judged:
    """See `run`; of equal ones the more accurate, then the smaller, then the first by name."""
    labels = trial.test.labels.numpy()
    leader = min(judged, key=lambda one: (-one.accuracy, len(one.model.content), one.model.name))

    def equals_leader(one: _Judged) -> bool:
        change = quality.compare(one.logits, leader.model.name, leader.logits, labels)
        return change.p_value >= SIGNIFICANT

    return min(filter(equals_leader, judged), key=lambda one: (len(one.model.content), -one.accuracy, one.model.name))


def _contest(best: _Judged, reigning: _Model | None, trial: _Trial) -> _Outcome:
    name = best.model.name
    if reigning is None:
        return _Outcome(name, decide(_measure([best], trial)[0], None))
    if misfit := _misfit(reigning, trial):
        reason = f"{reigning.name} cannot be compared with it on this data set, since {misfit}"
        return _Outcome(name, unopposed(_measure([best], trial)[0], reason), alarming=True)
    rival = _judge(reigning, trial.total - 2, trial)
    decision = decide(*_measure([best, rival], trial))
    if best.model.content != reigning.content:
        return _Outcome(name, decision, rival)
    words = f"{name} already is the champion: graph and weights are those of {reigning.name}."
    return _Outcome(name, replace(decision, promote=False, words=words), rival, already=True)


def _measure(judged: Sequence[_Judged], trial: _Trial) -> list[Contender]:
    """The models with their latencies at batch size 1, measured in turn."""
    trial.progress(Progress("measuring latency", trial.total - 1, trial.total))
    # By position, since a candidate and the reigning champion may have one name.
    sessions = {str(position): one.model.session for position, one in enumerate(judged)}
    images = normalize(trial.test.images[:1], trial.description).numpy()
    measured = latency.measure(sessions, images, [1], trial.iterations, _WARMUP, lambda done, total: None)
    labels = trial.test.labels.numpy()
    return [
        Contender(one.model.name, one.logits, labels, len(one.model.content), measured[position, 1].p50_us)
        for position, one in zip(sessions, judged, strict=True)
    ]


def _write(outcome: _Outcome, judged: Sequence[_Judged], output: Path) -> StageResult:
    models = {one.model.name: one for one in judged} | ({REIGNING: outcome.rival} if outcome.rival else {})
    decision = outcome.decision
    choice = {"candidate": outcome.candidate, "promoted": decision.promote, "already": outcome.already}
    champion = {
        **choice,
        "test_accuracy": {name: one.accuracy for name, one in models.items()},
        "file_bytes": {name: len(one.model.content) for name, one in models.items()},
    }
    (output / CHAMPION).write_text(json.dumps(champion, indent=1) + "\n")
    told = {**choice, "words": decision.words, "numbers": decision.numbers}
    (output / DECISION).write_text(json.dumps(told, indent=1) + "\n")
    return StageResult(
        metrics={"promoted": float(decision.promote), **decision.numbers},
        warnings=(decision.words,) if outcome.alarming else (),
        volatile=frozenset({DECISION}),
    )
