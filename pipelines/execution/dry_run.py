"""Before a network is trained: whether it, and those that are made from it, can go their whole way.

What passed is remembered in the home by all that the answer depends on, so that it is asked once.
"""

import hashlib
import json
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compression_ops import choices as choices_of_methods
from compression_ops import implementations
from compression_ops.errors import CompressionError, ModelError
from compression_ops.implementations import ONNX
from compression_ops.models.choice import NetworkChoice
from compression_ops.onnx_model.kept_graphs import place as kept_graphs
from compression_ops.quantization.precision import Precision
from compression_ops.spec import Spec
from compression_ops.stages.quantized_student import Quantization
from compression_ops.training.hyperparameters import Training
from pipelines.execution import unattended
from pipelines.execution.log import Log
from pipelines.graph.asset import Asset
from pipelines.kinds import kind
from pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from torch import nn

    from compression_ops.data.dataset import Description
    from compression_ops.models.network import Network

_MODULE, _EXPORT = "compression_ops.dry_run", "compression_ops.onnx_model.export"
_DATASET = "dataset"
# How long it trains, and from which seed, changes nothing that can be seen in one step.
_NOT_SEEN = ("epochs", "seed")


@dataclass(frozen=True)
class _Trial:
    """One network to be tried.

    asset       the asset that trains it
    training    its parameters
    quantizations  in which precisions and by which methods assets quantize it
    """

    asset: str
    training: Training
    quantizations: tuple[tuple[Precision, Spec], ...]

    @property
    def choice(self) -> NetworkChoice:
        return _choice(self.training)


def check(
    pipeline: Pipeline, asset: Asset, dataset: Path | None, beside: Collection[str], device: str, log: Log
) -> tuple[str, ...]:
    """Sentences about an asset's network that a user should read; () for an asset that trains none.

    dataset  the folder of its data set
    beside   other assets that are to be computed with it: those that are made from it are tried too, so that nobody
             waits for a teacher before hearing of its student
    device   where they are to be trained

    Raises ModelError with the name of the asset whose network cannot go its way.
    """
    if dataset is None or not isinstance(asset.parameters, Training):
        return ()
    made_from_it = [name for name in beside if name != asset.name and asset.name in pipeline.graph.upstream(name)]
    told: tuple[str, ...] = ()
    for trial in _trials(pipeline, [asset.name, *made_from_it]):
        try:
            with unattended.code():
                warnings = _remembered(pipeline, trial, dataset, device, log)
        except CompressionError as error:
            if trial.asset == asset.name:
                raise
            raise ModelError(
                f"{trial.asset}, which learns from {asset.name}, cannot be made: {error}\n"
                f"  nothing was trained; mend {trial.asset}, or compute {asset.name} alone"
            ) from error
        told = warnings if trial.asset == asset.name else told
    return told


@contextmanager
def graphs_kept(pipeline: Pipeline, asset: Asset) -> Generator[None]:
    """Inside, the graph of a network that is exported for an asset is traced once a home: to trace the first in a
    process takes seconds, most of them to import the exporter.
    """

    def file_of(network: "Network") -> Path:
        code = asset.source.closure((_EXPORT, *kind.network_code(network.architecture)), asset.named)
        asked = [asdict(network), code, _versions("torch", "onnx", "onnxscript")]
        return pipeline.home.dry_runs / f"{_digest(asked)}.graph"

    with kept_graphs.keeping(file_of):
        yield


def _trials(pipeline: Pipeline, names: Collection[str]) -> Iterator[_Trial]:
    assets = pipeline.graph.assets
    for name in names:
        training = assets[name].parameters
        if isinstance(training, Training) and _choice(training).architecture != ONNX:
            yield _Trial(name, training, tuple(_quantizations(assets, training)))


def _quantizations(assets: Mapping[str, Asset], training: Training) -> list[tuple[Precision, Spec]]:
    """In which any network of an architecture is quantized: so a control is tried with its student, once."""
    found: list[tuple[Precision, Spec]] = []
    for made in assets.values():
        if isinstance(made.parameters, Quantization):
            sources = [assets[name].parameters for name in made.inputs if name in assets]
            quantization = (made.parameters.part(Precision), made.parameters.method)
            is_its = any(isinstance(each, Training) and _choice(each) == _choice(training) for each in sources)
            if is_its and quantization not in found:
                found.append(quantization)
    return found


def _choice(training: Training) -> NetworkChoice:
    """Every stage that trains a network is told which."""
    return training.part(NetworkChoice)


def _remembered(pipeline: Pipeline, trial: _Trial, dataset: Path, device: str, log: Log) -> tuple[str, ...]:
    from compression_ops.data.dataset import load_description, load_split
    from compression_ops.models.network import of_choice

    description = load_description(dataset)
    network = of_choice(trial.choice, description)
    _check_objective(pipeline, trial, description)
    methods = {implementations.module_name(method) for _, method in trial.quantizations}
    entries = (_MODULE, *kind.network_code(network.architecture), *sorted(methods))
    asset = pipeline.graph.assets[trial.asset]
    code = asset.source.closure(entries, asset.named)
    file = pipeline.home.dry_runs / f"{_key(trial, network.input_shape, network.classes, code, device)}.json"
    known = _known(file)
    if known is not None:
        return known
    from compression_ops import dry_run  # which imports all that a network goes through

    log(f"{trial.asset}: a dry run of its network")
    train = load_split(dataset, "train")
    with graphs_kept(pipeline, asset):
        warnings = dry_run.check(network, trial.training, train, description, trial.quantizations, device)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(warnings))
    return warnings


def _check_objective(pipeline: Pipeline, trial: _Trial, description: "Description") -> None:
    """Raises ModelError where a loss that needs the teacher cannot compare it with the student, as for a layer that one
    of them has not.
    """
    from compression_ops.models.network import build, of_choice

    loss = getattr(trial.training, "loss", None)
    if loss is None or not getattr(loss, "needs_teacher", False):
        return
    teacher, student = _teacher(pipeline, trial.asset, description), build(of_choice(trial.choice, description))
    choices_of_methods.function(loss, "objective")(loss, teacher, student, description.input_shape)


def _teacher(pipeline: Pipeline, name: str, description: "Description") -> "nn.Module":
    """The untrained network among the inputs of an asset; one that is made of several trained ones, these as one."""
    from compression_ops.models.composite.ensemble import Ensemble
    from compression_ops.models.network import build, of_choice

    assets = pipeline.graph.assets

    def trained(names: Collection[str]) -> "list[nn.Module]":
        parameters = [assets[each].parameters for each in names if each in assets]
        return [build(of_choice(_choice(each), description)) for each in parameters if isinstance(each, Training)]

    inputs = assets[name].inputs
    alone = trained(inputs)
    return alone[0] if alone else Ensemble(next(filter(None, (trained(assets[each].inputs) for each in inputs))))


def _known(file: Path) -> tuple[str, ...] | None:
    """The sentences that a file keeps; None if there is none, or if it was damaged."""
    try:
        found: Any = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return tuple(map(str, found)) if isinstance(found, list) else None


def _told(parameters: Spec) -> dict[str, Any]:
    return parameters.model_dump(mode="json", exclude=set(_NOT_SEEN))


def _key(trial: _Trial, shape: tuple[int, ...], classes: int, code: dict[str, str], device: str) -> str:
    libraries = _versions("torch", "onnx", "onnxruntime")
    known = set(Training.model_fields) - set(_NOT_SEEN)
    training = trial.training.model_dump(mode="json", include=known) | {"is_trained": trial.training.epochs > 0}
    asked = [
        trial.choice.model_dump(mode="json"),
        training,
        [[_told(precision), _told(method)] for precision, method in trial.quantizations],
        shape,
        classes,
        code,
        libraries,
        device,
    ]
    return _digest(asked)


def _versions(*names: str) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in names}


def _digest(asked: list[Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
