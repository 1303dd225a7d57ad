"""Where a teacher's training begins: with new weights, or with those that somebody trained before."""

from pathlib import Path

import torch
from torch import nn

from compression_ops.data.dataset import Description, Split
from compression_ops.metric import Metric
from compression_ops.models import freezing, logits_check, pretrained
from compression_ops.models.network import Network, build
from compression_ops.training.determinism import deterministic
from compression_ops.training.hyperparameters import Training
from compression_ops.training.loop import Data, Trained, check_fit, validate

# A trained network that beats always answering the most frequent class by less, in accuracy, does not know these data.
_KNOWS = 0.1
_TRIED = 8  # images of which its outputs are looked at
_NOT_FINITE = "with its trained weights. Look for NaN in the file, or for images of another `normalization`"


class Start:
    """A network as it is before the first epoch.

    file    its trained weights; None for new ones
    frozen  whether its last layer alone learns

    `model` raises ModelError if the network cannot be built, or if the weights are of another network or other classes.
    """

    def __init__(
        self, network: Network, description: Description, training: Training, file: Path | None, frozen: bool = False
    ) -> None:
        self._network, self._description, self._training = network, description, training
        self._file, self._frozen = file, frozen
        self.warnings: tuple[str, ...] = ()

    def model(self) -> nn.Module:
        """Build it; what is drawn depends on torch's generator."""
        if self._file is None:
            return build(self._network)
        is_trained_on = self._training.epochs > 0
        model, self.warnings = pretrained.load(self._network, self._file, self._description, is_trained_on)
        if self._frozen:
            freezing.freeze_backbone(model, self._network.classes)
        return model

    def as_it_is(self, data: Data, metric: Metric) -> Trained:
        """The network with its trained weights and no epoch of training, judged on the validation split.

        Raises ModelError where its outputs are no logits.
        """
        with deterministic(self._training.seed, torch.device("cpu")):
            model = self.model().eval()
            check_fit(model, data)
            few = data.train.samples[torch.arange(min(_TRIED, len(data.train))) * len(data.train) // _TRIED]
            told = logits_check.warnings(model, few, data.description, _NOT_FINITE)
            found = validate(model, data.validation, data.description, metric)
        return Trained(model, 0, (found,), (*told, *_knows_nothing(found["validation_accuracy"], data.validation)))


def _knows_nothing(accuracy: float, validation: Split) -> tuple[str, ...]:
    majority = torch.bincount(validation.labels).max().item() / max(len(validation), 1)
    if accuracy >= min(majority + _KNOWS, 1.0):
        return ()
    return (
        f"the trained weights are right on {accuracy:.2%} of the validation split, where the most frequent class alone "
        f"has {majority:.2%}: they may be for classes in another order, or for images of another `image_size` or "
        "`normalization`",
    )
