"""A small network trains on one thread, a large one on all; so the bits of a small one know no number of cores."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from compression_ops.data.views import Views
from compression_ops.models.network import Network
from compression_ops.training import threads
from compression_ops.training.loop import Trained, train_network
from compression_ops.training.objective import supervised
from tests.compression_ops import small_data


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """As on a machine of two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(4, 6, 3, groups=2, bias=False), (5, 4, 8, 8), 5 * 6 * 6 * 6 * (4 // 2 * 9)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, bias=False), (5, 4, 8, 8), 5 * 4 * 8 * 8 * (6 * 9)),
        (nn.ReLU(), (5, 7), 5 * 7),
    ],
    ids=["convolution", "transposed", "other"],
)
def test_operations_are_multiply_accumulates_or_elements(
    layer: nn.Module, shape: tuple[int, ...], expected: int
) -> None:
    inputs = torch.zeros(shape)
    with threads.Operations() as operations:
        layer(inputs)
    assert operations.count == expected


def test_a_matrix_product_counts_its_products_and_views_of_its_operands() -> None:
    layer, inputs = nn.Linear(30, 4), torch.zeros(5, 30)
    with threads.Operations() as operations:
        layer(inputs)
    assert operations.count == 5 * 4 * 30 + 30 * 4, "and the weight's transposed view"


@pytest.mark.parametrize(("operations", "expected"), [(1e6, 1), (249e6, 1), (250e6, 2), (1e12, 2)])
def test_a_thread_has_many_millions_of_operations_and_none_is_made_up(operations: float, expected: int) -> None:
    with threads.by_work() as workers:
        assert torch.get_num_threads() == 1
        with workers.watching():
            torch.zeros(1).expand(int(operations))
        assert workers.count == torch.get_num_threads() == expected
        with workers.watching():
            torch.zeros(1).expand(100)
        assert workers.count == expected, "the first pass decides"
    assert torch.get_num_threads() == 2


def fit(most: int) -> Trained:
    torch.set_num_threads(most)
    training = small_data.training(epochs=2, batch_size=20, learning_rate=0.01, seed=1)
    network = Network("tests.compression_ops.small_data:network", small_data.SHAPE, small_data.CLASSES)
    return train_network(network, small_data.data(), training, Views(), lambda _: supervised())


def test_a_small_network_has_the_same_bits_on_any_number_of_cores() -> None:
    one, two = fit(1), fit(2)
    assert (one.threads, two.threads) == (1, 1)
    assert all(torch.equal(value, two.model.state_dict()[name]) for name, value in one.model.state_dict().items())
