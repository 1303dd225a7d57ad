"""The best of the models that pass their gates, and whether it should replace the incumbent champion."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from compression_ops import metric as metrics
from compression_ops.data.dataset import Description, Split, load_description, load_split
from compression_ops.errors import CompressionError, ModelError
from compression_ops.evaluation import latency, quality
from compression_ops.evaluation.promotion import SIGNIFICANT, Contender, Decision, decide, unopposed
from compression_ops.metric import Metric
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.onnx_model.session import open_session, predict
from compression_ops.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, CHAMPION, DECISION = "model.onnx", "champion.json", "decision.json"
INCUMBENT = "incumbent"
_CHUNK = 256
_WARMUP = 10
_NAMED = 5


@dataclass(frozen=True)
class Terms:
    """threads, iterations: of the latency measurement; metric: by which models are compared."""

    threads: int
    iterations: int
    metric: Metric = "accuracy"


@dataclass(frozen=True)
class _Trial:
    """On what, and how, all models are judged. total: units of progress, one a model and one for the latency."""

    description: Description
    test: Split
    terms: Terms
    progress: ProgressCallback
    total: int


@dataclass(frozen=True)
class Contestant:
    """A model as one that takes raw samples, so that none is timed without work that another does.

    content      serialized, without what it says about itself
    description  of the data that it was made for, by its own words where it has any
    takes_raw    whether its file does, too: those of earlier versions take normalized floats
    """

    name: str
    content: bytes
    session: "InferenceSession"
    description: Description
    takes_raw: bool = True


@dataclass(frozen=True)
class Judged:
    """A model with its logits, float32 [N, classes], on the test split, the fraction that is right, and its value of
    the metric by which models are compared.
    """

    model: Contestant
    logits: NDArray[np.float32]
    accuracy: float
    score: float


@dataclass(frozen=True)
class Outcome:
    """rival: the incumbent where it was compared; already: the candidate is that champion itself; alarming:
    a user should read the words; metric: by which models were compared.
    """

    candidate: str | None
    decision: Decision
    rival: Judged | None = None
    already: bool = False
    alarming: bool = False
    metric: Metric = "accuracy"


def hold(
    candidates: Mapping[str, Sequence[str]],
    incumbent: str | None,
    inputs: Mapping[str, Path],
    terms: Terms,
    progress: ProgressCallback,
) -> tuple[Outcome, list[Judged]]:
    """What is decided, and what was found of every candidate that passes its gates.

    candidates  {asset name: [sentences why it fails its gates], empty where it passes}
    incumbent   how to call the champion in use; None if there is none
    inputs      `dataset`, every candidate's folder with `model.onnx`, and `incumbent` likewise if there is one

    The candidate is the model of the highest metric that passes; of those that the test cannot tell from it (McNemar's
    of accuracy, a paired bootstrap of the other metrics), the smallest file. It replaces the incumbent as
    `promotion.decide` says, at batch size 1. File bytes are those without metadata, which a champion has and a
    candidate need not. The incumbent sees the test images normalized as it was trained; one for other classes or
    another shape cannot be compared, and is replaced, and so is one that is the candidate's network, but takes floats.
    Raises CompressionError for a candidate that was not given,
    ModelError for one that does not run or is not made for this data set.
    """
    _require_inputs(candidates, inputs)
    passing = sorted(name for name, reasons in candidates.items() if not reasons)
    if not passing:
        return _nobody(candidates), []
    folder = inputs["dataset"]
    total = len(passing) + (INCUMBENT in inputs) + 1
    trial = _Trial(load_description(folder), load_split(folder, "test"), terms, progress, total)
    judged = [_candidate(name, inputs[name], position, trial) for position, name in enumerate(passing)]
    rival = _open(incumbent or "the incumbent", inputs[INCUMBENT], trial) if INCUMBENT in inputs else None
    outcome = _contest(_best(judged, trial), rival, trial)
    progress(Progress("champion chosen", total, total, outcome.decision.numbers))
    return replace(outcome, metric=terms.metric), judged


def write(outcome: Outcome, judged: Sequence[Judged], output: Path) -> None:
    """Write `champion.json`: candidate (null: none passes), promoted, already, and the test accuracy, the metric that
    compares, and the file bytes of each model that was looked at; and `decision.json`: the decision in words, and its
    numbers, which hold latencies.
    """
    models = {one.model.name: one for one in judged} | ({INCUMBENT: outcome.rival} if outcome.rival else {})
    decision = outcome.decision
    choice = {"candidate": outcome.candidate, "promoted": decision.promote, "already": outcome.already}
    column = metrics.columns(outcome.metric).value
    averaged = {} if outcome.metric == "accuracy" else {column: {name: one.score for name, one in models.items()}}
    champion = {
        **choice,
        "test_accuracy": {name: one.accuracy for name, one in models.items()},
        **averaged,
        "file_bytes": {name: len(one.model.content) for name, one in models.items()},
    }
    (output / CHAMPION).write_text(json.dumps(champion, indent=1) + "\n")
    explained = {**choice, "words": decision.words, "numbers": decision.numbers}
    (output / DECISION).write_text(json.dumps(explained, indent=1) + "\n")


def _require_inputs(gates: Mapping[str, Sequence[str]], inputs: Mapping[str, Path]) -> None:
    if missing := sorted(gates.keys() - inputs.keys()):
        raise CompressionError(
            f"candidates: {', '.join(missing)} cannot be judged: the stage's inputs are {', '.join(sorted(inputs))}"
        )


def _nobody(gates: Mapping[str, Sequence[str]]) -> Outcome:
    failures = [f"{name}: {' '.join(reasons)}" for name, reasons in sorted(gates.items())]
    why = "no candidate passes its gates" if failures else "there is no candidate"
    return Outcome(None, Decision(False, " ".join([f"Nothing is promoted: {why}.", *failures]), {}), alarming=True)


def _open(name: str, folder: Path, trial: _Trial) -> Contestant:
    file = folder / MODEL
    session = open_session(file, trial.terms.threads)
    described = metadata.is_described(session)
    description = metadata.read(session, str(file)).description if described else trial.description
    model = onnx.load(file)
    if raw_samples.takes_raw(session, description) or not _is_of(session, description.input_shape):
        return Contestant(name, metadata.content(model), session, description)
    content = metadata.content(raw_samples.normalizing(model, description))
    return Contestant(name, content, open_session(content, trial.terms.threads), description, takes_raw=False)


def _candidate(name: str, folder: Path, position: int, trial: _Trial) -> Judged:
    model = _open(name, folder, trial)
    if misfit := _misfit(model, trial):
        raise ModelError(f"{name}: {misfit}; a candidate must be made from the data set. Compute it again")
    return _judge(model, position, trial)


def _misfit(model: Contestant, trial: _Trial) -> str | None:
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
    shape, modality = trial.description.shape, model.description.modality
    if not _is_of(model.session, shape) or modality.type != trial.description.modality.type:
        inputs = tuple(model.session.get_inputs()[0].shape[1:])
        return f"it takes {modality.noun} of shape {inputs}, and the data set's have {shape}"
    return modality.unlike(trial.description.modality)


def _is_of(session: "InferenceSession", shape: tuple[int, ...]) -> bool:
    """Whether its input is of samples of that shape."""
    return tuple(session.get_inputs()[0].shape[1:]) == shape


def _judge(model: Contestant, position: int, trial: _Trial) -> Judged:
    """Predict the test split."""
    labels = trial.test.labels.numpy()
    samples = trial.description.modality.translated(trial.test.samples.numpy(), model.description.modality)
    logits = predict(model.session, samples, _CHUNK)
    quality.check_logits(model.name, logits, len(labels), len(trial.description.classes))
    predictions, metric = logits.argmax(axis=1), trial.terms.metric
    accuracy = float((predictions == labels).mean())
    counts = metrics.tally(labels, predictions, logits.shape[1])
    score = accuracy if metric == "accuracy" else float(metrics.value(metric, counts))
    told = {metrics.columns(metric).value: score, "test_accuracy": accuracy}
    trial.progress(Progress(model.name, position + 1, trial.total, told))
    return Judged(model, logits, accuracy, score)


def _best(judged: Sequence[Judged], trial: _Trial) -> Judged:
    """See `run`; of equal ones that of the higher metric, then the smaller, then the first by name."""
    labels = trial.test.labels.numpy()
    leader = min(judged, key=lambda one: (-one.score, len(one.model.content), one.model.name))

    def equals_leader(one: Judged) -> bool:
        change = quality.compare(one.logits, leader.model.name, leader.logits, labels)
        return change.of(trial.terms.metric).p_value >= SIGNIFICANT

    return min(filter(equals_leader, judged), key=lambda one: (len(one.model.content), -one.score, one.model.name))


def _contest(best: Judged, incumbent: Contestant | None, trial: _Trial) -> Outcome:
    name, metric = best.model.name, trial.terms.metric
    if incumbent is None:
        return Outcome(name, decide(_measure([best], trial)[0], None, metric))
    if misfit := _misfit(incumbent, trial):
        reason = f"{incumbent.name} cannot be compared with it on this data set, since {misfit}"
        return Outcome(name, unopposed(_measure([best], trial)[0], reason, metric), alarming=True)
    rival = _judge(incumbent, trial.total - 2, trial)
    candidate, champion = _measure([best, rival], trial)
    decision = decide(candidate, champion, metric)
    lost = trial.description.modality.lost(incumbent.description.modality)
    if lost:
        decision = replace(decision, words=f"{decision.words} {incumbent.name} may be better than that: {lost}.")
    if best.model.content != incumbent.content:
        return Outcome(name, decision, rival, alarming=lost is not None)
    if best.model.takes_raw and not incumbent.takes_raw:
        words = (
            f"{name} is promoted: its network is that of {incumbent.name}, which takes floats normalized by whoever "
            f"calls it, and takes {best.model.description.modality.raw} instead."
        )
        return Outcome(name, replace(decision, promote=True, words=words), rival)
    words = f"{name} already is the champion: graph and weights are those of {incumbent.name}."
    return Outcome(name, replace(decision, promote=False, words=words), rival, already=True)


def _measure(judged: Sequence[Judged], trial: _Trial) -> list[Contender]:
    """The models with their latencies at batch size 1, measured in turn."""
    trial.progress(Progress("measuring latency", trial.total - 1, trial.total))
    # By position, since a candidate and the incumbent may have one name.
    sessions = {str(position): one.model.session for position, one in enumerate(judged)}
    sample = trial.test.samples[:1].numpy()
    measured = latency.measure(sessions, sample, [1], trial.terms.iterations, _WARMUP, lambda done, total: None)
    labels = trial.test.labels.numpy()
    return [
        Contender(one.model.name, one.logits, labels, len(one.model.content), measured[position, 1].p50_us)
        for position, one in zip(sessions, judged, strict=True)
    ]
