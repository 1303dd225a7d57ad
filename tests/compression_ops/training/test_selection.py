"""Which epoch a training keeps: the best one by the recipe's metric, as scikit-learn counts it."""

import dataclasses
from collections.abc import Sequence

import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor, nn

from compression_ops.data.dataset import Split
from compression_ops.data.views import Views
from compression_ops.metric import Metric
from compression_ops.models.inference import logits
from compression_ops.models.network import Network
from compression_ops.training.loop import Trained, train_network, validate
from compression_ops.training.objective import Objective, supervised
from tests.compression_ops import small_data

NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
_WHOLE = small_data.data()
# Validation: 20 of class 0, 2 of class 1, 2 of class 2.
_KEPT = torch.cat(
    [(_WHOLE.validation.labels == label).nonzero()[:count, 0] for label, count in ((0, 20), (1, 2), (2, 2))]
)
DATA = dataclasses.replace(_WHOLE, validation=Split(_WHOLE.validation.samples[_KEPT], _WHOLE.validation.labels[_KEPT]))


class Scripted(nn.Module):
    """Predicts, in epoch e, what is written for it, whatever the image; the network itself trains beside it."""

    def __init__(self, predictions: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.predictions, self.epoch = predictions, 0

    def forward(self, x: Tensor) -> Tensor:
        if self.training or len(x) != len(DATA.validation):
            return torch.zeros(len(x), small_data.CLASSES)
        self.epoch += 1
        return 3 * torch.eye(small_data.CLASSES)[list(self.predictions[self.epoch - 1])]


LABELS = DATA.validation.labels.tolist()
# Always the largest class; then all of the small ones right and some of the large one wrong; then nearly all wrong.
EPOCHS = [[0] * len(LABELS), [1 if i < 9 else label for i, label in enumerate(LABELS)], [0] + [1] * (len(LABELS) - 1)]


def fit(metric: Metric) -> Trained:
    scripted = Scripted(EPOCHS)
    objective = Objective(supervised().loss, validated=lambda _: scripted)
    training = small_data.training(epochs=3, batch_size=24, learning_rate=0.01, seed=1)
    return train_network(NETWORK, DATA, training, Views(), lambda _: objective, metric=metric)


def test_accuracy_keeps_the_epoch_that_answers_the_largest_class_and_the_others_do_not() -> None:
    assert fit("accuracy").best_epoch == 1
    assert fit("balanced_accuracy").best_epoch == 2
    assert fit("f1_macro").best_epoch == 2


def test_the_metric_is_scikit_learns_and_stands_first() -> None:
    balanced, f1 = fit("balanced_accuracy"), fit("f1_macro")
    for epoch, predictions in enumerate(EPOCHS):
        found = balanced.history[epoch]["validation_balanced_accuracy"]
        assert found == pytest.approx(reference.balanced_accuracy_score(LABELS, predictions))
        found = f1.history[epoch]["validation_f1_macro"]
        assert found == pytest.approx(reference.f1_score(LABELS, predictions, average="macro"))
    assert list(f1.metrics)[:3] == ["validation_f1_macro", "validation_accuracy", "validation_loss"]
    assert list(fit("accuracy").metrics) == ["validation_accuracy", "validation_loss", "parameters", "best_epoch"]


def test_of_a_real_network_too() -> None:
    training = small_data.training(epochs=4, batch_size=24, learning_rate=0.02, seed=1)
    trained = train_network(NETWORK, DATA, training, Views(), lambda _: supervised(), metric="f1_macro")
    assert trained.metrics["validation_f1_macro"] == max(epoch["validation_f1_macro"] for epoch in trained.history)
    predicted = logits(trained.model, DATA.validation.samples, DATA.description).argmax(1)
    found = validate(trained.model, DATA.validation, DATA.description, "f1_macro")["validation_f1_macro"]
    assert found == pytest.approx(reference.f1_score(LABELS, predicted.tolist(), average="macro"))
