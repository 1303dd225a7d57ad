"""The one training loop: supervised, distilled and control training differ by their objective alone."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn, optim
from torch.nn import functional

from compression_ops import metric as metrics
from compression_ops.data.dataset import Description, Split, load_description, load_split, normalize
from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.metric import Metric
from compression_ops.models import freezing, memory_format, outputs
from compression_ops.models.inference import device_of, logits
from compression_ops.models.network import Network, build
from compression_ops.progress import Progress, ProgressCallback, silent
from compression_ops.seeds import generator
from compression_ops.training import class_weights, memory, precision, threads
from compression_ops.training.determinism import deterministic
from compression_ops.training.hyperparameters import Training
from compression_ops.training.objective import Batch, Objective, ObjectiveOf, with_penalties
from compression_ops.training.optimizer import build_optimizer, learning_rate

_SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True)
class Data:
    """What a training may look at: never the test split."""

    train: Split
    validation: Split
    description: Description


@dataclass(frozen=True)
class Trained:
    """What a training made.

    model       with its best epoch's weights, in evaluation mode
    best_epoch  that epoch's number, from 1; 0 for a network that was not trained here
    history     one mapping of metrics an epoch; of a network that was not trained here, how it was found
    warnings    sentences that a user should read
    device      where it was trained
    threads     on how many threads, if on the processor: its last bits depend on that
    """

    model: nn.Module
    best_epoch: int
    history: tuple[Mapping[str, float], ...]
    warnings: tuple[str, ...] = ()
    device: str = "cpu"
    threads: int | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Headline numbers of the epoch that was kept."""
        best = self.history[max(self.best_epoch - 1, 0)]
        return {
            **{name: value for name, value in best.items() if name.startswith("validation_")},
            "parameters": float(sum(parameter.numel() for parameter in self.model.parameters())),
            "best_epoch": float(self.best_epoch),
        }


def load_data(folder: Path) -> Data:
    """The train and validation splits of a data set's artifact, mapped as uint8."""
    return Data(load_split(folder, "train"), load_split(folder, "validation"), load_description(folder))


def train_network(
    network: Network | Callable[[], nn.Module],
    data: Data,
    training: Training,
    views: Views,
    objective: ObjectiveOf,
    progress: ProgressCallback = silent,
    metric: Metric = "accuracy",
    device: str = "cpu",
) -> Trained:
    """Build a network from `training.seed` and train it; the same arguments give the same bits on the same machine.

    On any `device` it begins with the weights that are drawn on the processor, where it comes back to. `network` may be
    what gives a network to begin with. `objective` is asked once, with the untrained network there; what it draws for
    modules of its own depends on the seed too.
    Raises ModelError if the network cannot be built, does not fit the data, or its loss stops being finite; or if the
    device cannot compute in `training.precision`; DataError if the images do not allow the views' augmentation.
    """
    where = torch.device(device)
    precision.check(training, where)
    with deterministic(training.seed, where) as undetermined, memory.kept():
        model = build(network) if isinstance(network, Network) else network()
        made = objective(model)
        trained = train(model.to(where), data, training, views, made, progress, metric)
    return replace(trained, model=trained.model.cpu(), warnings=(*trained.warnings, *undetermined.warnings))


def train(
    model: nn.Module,
    data: Data,
    training: Training,
    views: Views,
    objective: Objective,
    progress: ProgressCallback = silent,
    metric: Metric = "accuracy",
) -> Trained:
    """Train a model in place, on its own device, on view `e mod views` in epoch e; keep the best epoch's weights.

    The best epoch has the highest `metric` on the validation split; among equals the lowest validation loss, then the
    latest. The objective's own modules are trained too, and end with the weights that they had at that epoch.
    An incomplete last batch is left out (unless it is the only one), since a handful of samples makes a noisy step
    and poor batch-norm statistics; every epoch shuffles, so each sample has its turn.
    """
    device = device_of(model)
    form = memory_format.adopt(model, normalize(data.train.samples[:2].to(device), data.description))
    trained = nn.ModuleList([model, *objective.modules]).to(device).to(memory_format=form)
    nn.ModuleList(objective.frozen).to(device)
    check_fit(model, data)
    steps = max(len(data.train) // training.batch_size, 1)
    weights_of_classes = class_weights.of_training(training, data.train.labels, len(data.description.classes))
    warnings = class_weights.warnings(weights_of_classes, data.description.classes)
    weighted = None if weights_of_classes is None else weights_of_classes.to(device)
    optimizer = build_optimizer(trained, training)
    history: list[Mapping[str, float]] = []
    seen = outputs.Seen()
    best, best_epoch, weights = (-1.0, 0.0), 0, _copy(trained)
    with threads.by_work() as workers:
        for epoch in range(training.epochs):
            started = time.perf_counter()
            report = _Reporter(progress, epoch, training.epochs, steps)
            trained.train()
            freezing.keep_still(trained)
            with outputs.logits_alone(model, seen, len(data.description.classes)):
                told = _train_epoch(
                    model, optimizer, data, training, views, objective, weighted, workers, epoch, report
                )
            trained.eval()
            found = validate(objective.validated(model), data.validation, data.description, metric)
            history.append({**told, **found, "seconds": time.perf_counter() - started})
            report.epoch(history[-1])
            rank = (found[f"validation_{metric}"], -found["validation_loss"])
            if rank >= best:
                best, best_epoch, weights = rank, epoch + 1, _copy(trained)
    trained.load_state_dict(weights)
    return Trained(
        model.eval(), best_epoch, tuple(history), (*seen.warnings, *warnings), str(device), workers.of(device)
    )


def validate(model: nn.Module, split: Split, description: Description, metric: Metric) -> dict[str, float]:
    """`validation_<metric>` first, then `validation_accuracy`, both in [0, 1], and `validation_loss` in nats."""
    predicted = logits(model, split.samples, description)
    accuracy, loss = _quality(predicted, split.labels)
    found = {"validation_accuracy": accuracy, "validation_loss": loss}
    if metric == "accuracy":
        return found
    counts = metrics.tally(split.labels.numpy(), predicted.argmax(dim=1).numpy(), len(description.classes))
    return {f"validation_{metric}": float(metrics.value(metric, counts)), **found}


def evaluate(model: nn.Module, split: Split, description: Description) -> tuple[float, float]:
    """(accuracy in [0, 1], mean cross-entropy in nats) on a split."""
    return _quality(logits(model, split.samples, description), split.labels)


def _quality(predicted: Tensor, labels: Tensor) -> tuple[float, float]:
    accuracy = (predicted.argmax(dim=1) == labels).double().mean().item()
    return accuracy, functional.cross_entropy(predicted.double(), labels).item()


def _train_epoch(
    model: nn.Module,
    optimizer: optim.Optimizer,
    data: Data,
    training: Training,
    views: Views,
    objective: Objective,
    weighted: Tensor | None,
    workers: threads.Workers,
    epoch: int,
    report: "_Reporter",
) -> dict[str, float]:
    """One pass: the mean loss, and the last learning rate. Each batch goes to the model's device by itself."""
    device = device_of(model)
    view = views.view(views.of_epoch(epoch), data.train.samples, data.description)
    total, rate = 0.0, 0.0
    for step, rows in enumerate(_batches(len(data.train), training, epoch)):
        rate = learning_rate(training, epoch * report.steps + step, report.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        raw = view.samples(rows, device)
        inputs = memory_format.laid(normalize(raw, data.description), memory_format.of(model))
        batch = Batch(inputs, rows, view.labels(data.train.labels, rows).to(device), epoch, weighted)
        with precision.autocast(training, device), workers.watching():
            loss = with_penalties(objective.loss(model, batch), model)
        if not loss.requires_grad:
            raise ModelError(
                "no weight of the network has a gradient: its logits depend on none, or only through an operation "
                "without a derivative (argmax, rounding, detach, no_grad). Leave that out of its forward"
            )
        optimizer.zero_grad()
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        optimizer.step()
        total += _finite(loss.item(), epoch, step, rate)
        report.step(step + 1)
    return {"loss": total / report.steps, "learning_rate": rate}


def _batches(samples: int, training: Training, epoch: int) -> Iterator[Tensor]:
    order = torch.randperm(samples, generator=generator(training.seed, "order", epoch))
    for rows in order.split(training.batch_size):
        if len(rows) == min(training.batch_size, samples):
            yield rows


def check_fit(model: nn.Module, data: Data) -> None:
    """Raises ModelError, with the network's own words, if it cannot take the data."""
    try:
        logits(model, data.train.samples[:2], data.description)
    except ModelError:
        raise
    except Exception as error:
        device = device_of(model)
        cure = f". What its forward makes belongs on {device}: give it `device=x.device`, or keep it in a buffer"
        raise ModelError(
            f"the network cannot take {data.description.modality.noun} of shape {data.description.input_shape}: "
            f"{type(error).__name__}: {error}" + (cure if device.type != "cpu" else "")
        ) from error


def _finite(loss: float, epoch: int, step: int, rate: float) -> float:
    if not math.isfinite(loss) and epoch == step == 0:
        raise ModelError(
            f"the loss is {loss} before anything was learned. Look in the network's forward for a division by zero, or "
            "a logarithm or root of what is not positive"
        )
    if not math.isfinite(loss):
        raise ModelError(
            f"training diverged: the loss is {loss} at epoch {epoch + 1}, step {step + 1}, where the learning rate is "
            f"{rate:.3g}. Lower learning_rate, or lengthen warmup_epochs."
        )
    return loss


def _copy(model: nn.Module) -> dict[str, Tensor]:
    """Its state as `load_state_dict` takes it, with the versions of its modules beside the names."""
    state = model.state_dict()
    for name, value in state.items():
        state[name] = value.detach().clone()
    return state


class _Reporter:
    """Tells the progress callback of steps, a few times a second at most, and of every epoch's end."""

    def __init__(self, progress: ProgressCallback, epoch: int, epochs: int, steps: int) -> None:
        self.steps = steps
        self._progress, self._before, self._total = progress, epoch * steps, epochs * steps
        self._description = f"epoch {epoch + 1}/{epochs}"
        self._last = time.perf_counter()

    def step(self, done: int) -> None:
        now = time.perf_counter()
        if now - self._last >= _SECONDS_BETWEEN_REPORTS:
            self._last = now
            self._progress(Progress(self._description, self._before + done, self._total))

    def epoch(self, metrics: Mapping[str, float]) -> None:
        self._progress(Progress(self._description, self._before + self.steps, self._total, metrics))
