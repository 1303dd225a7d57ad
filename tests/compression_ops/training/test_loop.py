"""The training loop against a plain one, and what it promises: the same bits, the best epoch, every sample's turn."""

import dataclasses
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import Split, normalize
from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models.network import Network, build
from compression_ops.progress import Progress
from compression_ops.seeds import generator
from compression_ops.training.loop import Data, Trained, evaluate, train, train_network
from compression_ops.training.objective import Batch, Objective, supervised
from tests.compression_ops import small_data

DATA = small_data.data()
NETWORK = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
LINEAR = dataclasses.replace(NETWORK, architecture="tests.compression_ops.small_data:linear")
VIEWS = Views(views=2, augmentation=Augmentation(translate=1.0, rotate=10.0), seed=5)


def fit(network: Network = NETWORK, data: Data = DATA, views: Views = VIEWS, **parameters: object) -> Trained:
    stated = {"epochs": 3, "batch_size": 20, "learning_rate": 0.01, "seed": 1} | parameters
    training = small_data.training(**stated)
    return train_network(network, data, training, views, lambda _: supervised())


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return dict(model.state_dict())


def same(first: nn.Module, second: nn.Module) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_training_equals_a_plain_torch_loop() -> None:
    """The last epoch is the best here, so the weights that are kept are those where the plain loop ends."""
    torch.manual_seed(1)
    model = build(LINEAR)
    optimizer = torch.optim.AdamW(
        [{"params": [model[1].weight]}, {"params": [model[1].bias], "weight_decay": 0.0}], lr=0.02, weight_decay=0.1
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / 12)))
    for epoch in range(3):
        order = torch.randperm(96, generator=generator(1, "order", epoch))
        view = VIEWS.view(epoch % 2, DATA.train.samples, DATA.description)
        for step in range(4):  # 96 samples are four whole batches of 20
            rows = order[20 * step : 20 * step + 20]
            loss = functional.cross_entropy(
                model(normalize(view.samples(rows), DATA.description)), DATA.train.labels[rows]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    found = fit(LINEAR, learning_rate=0.02, weight_decay=0.1, warmup_epochs=0.0)
    assert found.best_epoch == 3
    for name, value in weights(model).items():
        torch.testing.assert_close(weights(found.model)[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_same_training_gives_the_same_bits(optimizer: str) -> None:
    first, again = fit(optimizer=optimizer), fit(optimizer=optimizer)
    assert same(first.model, again.model)
    ignored = {"seconds"}
    assert [{k: v for k, v in epoch.items() if k not in ignored} for epoch in first.history] == [
        {k: v for k, v in epoch.items() if k not in ignored} for epoch in again.history
    ]


def test_another_seed_is_another_model() -> None:
    assert not same(fit(seed=1).model, fit(seed=2).model)


def test_the_bits_do_not_depend_on_what_ran_before_and_the_callers_torch_is_left_as_it_was() -> None:
    torch.manual_seed(123)
    first = fit()
    torch.manual_seed(77)
    torch.randn(5)
    before = torch.get_rng_state()
    assert same(first.model, fit().model)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def test_it_learns() -> None:
    trained = fit(epochs=8)
    accuracy, loss = evaluate(trained.model, DATA.validation, DATA.description)
    assert accuracy > 0.95
    assert trained.metrics["validation_accuracy"] == accuracy
    assert trained.metrics["validation_loss"] == pytest.approx(loss)


def test_the_kept_epoch_is_the_most_accurate_then_the_least_loss_then_the_latest() -> None:
    trained = fit(epochs=12, learning_rate=0.05)
    ranks = [
        (metrics["validation_accuracy"], -metrics["validation_loss"], epoch)
        for epoch, metrics in enumerate(trained.history, start=1)
    ]
    assert trained.best_epoch == max(ranks)[2]
    assert evaluate(trained.model, DATA.validation, DATA.description)[0] == max(ranks)[0]


def test_an_earlier_best_epoch_is_kept_when_the_rest_of_the_training_makes_it_worse() -> None:
    """From the fifth epoch on, the targets are wrong on purpose."""
    wrong = (DATA.train.labels + 1) % small_data.CLASSES

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        return functional.cross_entropy(model(batch.inputs), batch.labels if batch.epoch < 4 else wrong[batch.rows])

    training = small_data.training(epochs=8, batch_size=20, learning_rate=0.02, schedule="constant", seed=1)
    trained = train_network(NETWORK, DATA, training, Views(), lambda _: Objective(loss))
    assert trained.best_epoch <= 4
    assert trained.history[-1]["validation_accuracy"] < trained.metrics["validation_accuracy"]
    accuracy, _ = evaluate(trained.model, DATA.validation, DATA.description)
    assert accuracy == trained.metrics["validation_accuracy"]


def test_epoch_e_trains_on_view_e_mod_views_and_is_told_which_samples_it_sees() -> None:
    """The model is the identity: what it is given comes back, so the loss sees pixels and rows side by side."""
    seen: list[tuple[Batch, torch.Tensor]] = []
    picture = nn.Sequential(nn.Flatten(), nn.Linear(64, 64, bias=False))
    nn.init.eye_(picture[1].weight)

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        output = model(batch.inputs)
        seen.append((batch, output.detach().clone()))
        return 0.0 * output.sum()

    description = dataclasses.replace(DATA.description, classes=tuple(map(str, range(64))))
    training = small_data.training(epochs=5, batch_size=16, learning_rate=1e-9, seed=3)
    train(picture, dataclasses.replace(DATA, description=description), training, VIEWS, Objective(loss))
    assert len(seen) == 5 * 6
    for step, (batch, output) in enumerate(seen):
        assert batch.epoch == step // 6
        assert torch.equal(batch.labels, DATA.train.labels[batch.rows])
        pixels = VIEWS.view(batch.epoch % 2, DATA.train.samples, description).samples(batch.rows)
        torch.testing.assert_close(output, normalize(pixels, description).flatten(1), rtol=1e-5, atol=1e-5)


def test_every_epoch_shuffles_anew_and_has_each_sample_at_most_once() -> None:
    orders: list[torch.Tensor] = []

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        orders.append(batch.rows)
        return model(batch.inputs).mean()

    train_network(
        LINEAR,
        DATA,
        small_data.training(epochs=2, batch_size=96, learning_rate=0.01),
        Views(),
        lambda _: Objective(loss),
    )
    first, second = orders
    assert torch.equal(first.sort().values, torch.arange(96))
    assert torch.equal(second.sort().values, torch.arange(96))
    assert not torch.equal(first, second)


def test_a_batch_larger_than_the_data_is_the_whole_data() -> None:
    assert len(fit(batch_size=4096, epochs=2).history) == 2


def test_progress_tells_every_epoch_with_its_metrics_and_ends_at_the_total() -> None:
    told: list[Progress] = []
    training = small_data.training(epochs=3, batch_size=20, learning_rate=0.01)
    trained = train_network(NETWORK, DATA, training, VIEWS, lambda _: supervised(), told.append)
    ends = [progress for progress in told if progress.metrics]
    assert [progress.metrics for progress in ends] == list(trained.history)
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert ends[-1].done == ends[-1].total
    expected = {"loss", "learning_rate", "validation_accuracy", "validation_loss", "seconds"}
    assert set(trained.history[0]) == expected


def test_a_diverging_training_stops_at_once_and_names_the_learning_rate() -> None:
    overflow = Objective(lambda model, batch: model(batch.inputs).mean() * (math.inf if batch.epoch else 1))
    training = small_data.training(epochs=3, batch_size=20, learning_rate=90.0, warmup_epochs=0.0)
    with pytest.raises(ModelError, match=r"epoch 2, step 1, .* learning rate is 67.5. Lower learning_rate"):
        train_network(NETWORK, DATA, training, VIEWS, lambda _: overflow)


def test_a_loss_that_is_no_number_before_the_first_step_is_not_blamed_on_the_learning_rate() -> None:
    undefined = Objective(lambda model, batch: (-model(batch.inputs).square()).log().mean())
    training = small_data.training(epochs=3, batch_size=20, learning_rate=0.01)
    with pytest.raises(ModelError, match=r"the loss is nan before anything was learned.*forward"):
        train_network(NETWORK, DATA, training, VIEWS, lambda _: undefined)


def too_few_logits(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return small_data.linear(input_shape, classes - 1)


def wrong_size(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(17, classes))


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("too_few_logits", r"\(2, 2\); it must be a tensor of shape \(2, 3\)"),
        ("wrong_size", r"cannot take images of shape \(1, 8, 8\): RuntimeError"),
        ("absent", "could not build"),
    ],
)
def test_a_network_that_does_not_fit_the_data_is_refused_before_training(factory: str, message: str) -> None:
    network = dataclasses.replace(NETWORK, architecture=f"{__name__}:{factory}")
    with pytest.raises(ModelError, match=message):
        fit(network)


def test_validation_is_never_augmented_or_trained_on() -> None:
    shuffled = Split(DATA.validation.samples.flip(0), DATA.validation.labels.flip(0))
    other = dataclasses.replace(DATA, validation=shuffled)
    assert same(fit().model, fit(data=other).model)
