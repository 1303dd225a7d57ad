"""The whole way of a network on a few samples, before anything is trained for long.

It is built, trained for one step, saved, loaded, exported, quantized and run by onnxruntime, so that what a later stage
could not do is known within seconds.
"""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description, Split, save_description, save_split
from compression_ops.data.views import Views
from compression_ops.errors import ModelError, told
from compression_ops.evaluation import cost
from compression_ops.models import inference, logits_check
from compression_ops.models.network import Network, build, load, save
from compression_ops.onnx_model.inference import compared_session
from compression_ops.progress import silent
from compression_ops.quantization.calibration.minmax import MinMax
from compression_ops.quantization.learned import Lessons
from compression_ops.quantization.precision import Precision
from compression_ops.quantization.student import MODEL, quantize
from compression_ops.quantization.widths import chooses
from compression_ops.spec import S, Spec
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import Data, Trained, train_network
from compression_ops.training.objective import supervised

_SAMPLES = 4


def check(
    network: Network,
    training: Training,
    train: Split,
    description: Description,
    quantizations: Sequence[tuple[Precision, Spec]] = (),
    device: str = "cpu",
) -> tuple[str, ...]:
    """What a user should read about a network that can go the whole way; its training's own parameters are used.

    train       the split of which a few samples are taken
    quantizations  in which precisions its trained weights will be quantized, and by which methods
    device      where it will be trained; all that follows happens on the processor, wherever it was trained

    Raises ModelError, which names the step, its cause and a cure, where it cannot; or where its outputs are no logits.
    """
    few = _few(train)
    data = Data(few, few, description)
    step = _one_step(training, len(few))
    with tempfile.TemporaryDirectory(prefix="compression-") as folder:
        root = Path(folder)
        if training.epochs == 0:
            with _step("building it"):
                trained = Trained(build(network).eval(), 0, ())
        else:
            with _step("one training step"):
                views = Views(views=1, seed=0)
                trained = train_network(network, data, step, views, lambda _: supervised(), device=device)
        cause = "after one training step. Lower learning_rate, or look for a division by zero in its forward"
        with _step("asking it for logits", says_what_failed=False):
            warnings = logits_check.warnings(trained.model, few.samples, description, cause)
        with _step("saving and loading"):
            _check_saved(trained.model, network, root, few.samples, description)
        with _step("the export to ONNX"):
            compared_session(root, inference.logits(trained.model, few.samples, description), description, few.samples)
        for precision, method in quantizations:
            with _step(f"quantization to {precision.weight_bits} bits"):
                _quantize(root, data, precision, method, device)
    return (*trained.warnings, *warnings)


def _few(train: Split) -> Split:
    rows = torch.arange(min(_SAMPLES, len(train))) * len(train) // min(_SAMPLES, len(train))
    return Split(train.samples[rows], train.labels[rows])


@contextmanager
def _step(name: str, says_what_failed: bool = True) -> Generator[None]:
    """Inside, an error is of that step; what a ModelError says may be enough without its name."""
    try:
        yield
    except ModelError as error:
        if not says_what_failed:
            raise
        raise ModelError(f"{name} failed in a dry run on {_SAMPLES} samples: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it runs somebody's forward, and libraries on what that made: it may end in any way
        raise ModelError(f"{name} failed in a dry run on {_SAMPLES} samples: {told(error)}") from error


def _check_saved(model: nn.Module, network: Network, folder: Path, images: Tensor, description: Description) -> None:
    save(folder, network, model)
    expected, found = (inference.logits(each, images, description) for each in (model, load(folder)))
    if not logits_check.are_equal(found, expected):
        raise ModelError(
            f"loaded again, the network gives other logits, by up to {(expected - found).abs().max().item():.3g}. "
            "Keep whatever its forward depends on in parameters or in buffers that are saved (persistent)"
        )


def _quantize(student: Path, data: Data, precision: Precision, method: Spec, device: str) -> None:
    with tempfile.TemporaryDirectory(dir=student) as folder:
        dataset = Path(folder)
        for name, split in (("train", data.train), ("validation", data.validation)):
            save_split(dataset, name, split)
        save_description(dataset, data.description)
        lessons = Lessons(dataset, device=device)
        calibration = MinMax(method="minmax", samples=len(data.train))
        precision, method = precision.changed(rounding_steps=1), _one_step(method, len(data.train))
        quantize(student, dataset, calibration, precision, dataset, silent, method, lessons)
        cost.measure(dataset / MODEL)


def _one_step(parameters: S, samples: int) -> S:
    """The same training of one step; a method that chooses tries one model; anything else stays as it is."""
    if not isinstance(parameters, Training):
        tries = chooses(parameters) and "max_models" in type(parameters).model_fields
        return parameters.model_copy(update={"max_models": 1}) if tries else parameters
    return parameters.model_copy(update={"epochs": 1, "batch_size": samples, "warmup_epochs": 0.0})
