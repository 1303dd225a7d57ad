"""The networks of texts against their papers' sums, written out."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compression_ops.data.dataset import Description
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.errors import ModelError
from compression_ops.models.choice import NetworkChoice
from compression_ops.models.network import Network, build, load, load_network, of_choice, save
from compression_ops.models.preprocessing import Indexed
from compression_ops.onnx_model import export
from compression_ops.onnx_model.session import open_session

WORDS, VOCABULARY = 12, 50
TEXTS = Description(("a", "b", "c"), (WORDS,), (), (), Tokens("hashed", VOCABULARY))
NAMES = ("text_cnn", "embedding_bag")


def network(architecture: str, **arguments: int | float) -> Network:
    return of_choice(NetworkChoice(architecture=architecture, arguments=dict(arguments)), TEXTS)


def ids(samples: int = 5) -> Tensor:
    drawn = torch.randint(1, VOCABULARY, (samples, WORDS), generator=torch.Generator().manual_seed(0))
    return drawn * (torch.arange(WORDS) < torch.arange(1, samples + 1).unsqueeze(1) * 2)


def parts(model: nn.Module) -> nn.Module:
    assert isinstance(model, Indexed)
    return model.network


@pytest.mark.parametrize("architecture", NAMES)
def test_a_network_takes_the_ids_as_numbers_and_judges_each_text_alone(architecture: str) -> None:
    model = build(network(architecture)).eval()
    inputs = ids().float()
    output = model(inputs)
    assert (output.shape, output.dtype) == ((5, 3), torch.float32)
    torch.testing.assert_close(output[2:3], model(inputs[2:3]))
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_text_cnn_keeps_the_largest_answer_of_each_filter() -> None:
    model = build(network("text_cnn", dimensions=6, filters=4)).eval()
    inner = parts(model)
    table = inner.get_parameter("embedding.weight").detach().numpy()
    answers = []
    for position, width in enumerate((3, 4, 5)):
        weight, bias = (
            inner.get_parameter(f"convolutions.{position}.{name}").detach().numpy() for name in ("weight", "bias")
        )
        windows = np.stack(
            [table[ids().numpy()][:, start : start + width] for start in range(WORDS - width + 1)], axis=1
        )
        found = np.einsum("nswd,fdw->nsf", windows, weight) + bias
        answers.append(np.maximum(found, 0).max(axis=1))
    linear, shift = (inner.get_parameter(f"linear.{name}").detach().numpy() for name in ("weight", "bias"))
    expected = np.concatenate(answers, axis=1) @ linear.T + shift
    np.testing.assert_allclose(model(ids().float()).detach().numpy(), expected, atol=1e-5)


def test_a_text_shorter_than_the_filters_has_one_filter_of_its_length() -> None:
    model = build(Network("text_cnn", (2,), 3, {"vocabulary": VOCABULARY}, indices=VOCABULARY))
    assert model(torch.tensor([[3.0, 4.0]])).shape == (1, 3)


def test_embedding_bag_is_the_mean_of_the_words_and_a_linear_layer() -> None:
    model = build(network("embedding_bag", dimensions=6)).eval()
    inner = parts(model)
    table = inner.get_parameter("embedding.weight").detach().numpy()
    linear, shift = (inner.get_parameter(f"linear.{name}").detach().numpy() for name in ("weight", "bias"))
    means = np.stack([table[row[row > 0]].mean(axis=0) for row in ids().numpy()])
    np.testing.assert_allclose(model(ids().float()).detach().numpy(), means @ linear.T + shift, atol=1e-5)


@pytest.mark.parametrize(("architecture", "parameters"), [("text_cnn", 14_275), ("embedding_bag", 1_699)])
def test_the_parameter_counts_are_those_of_the_docstrings(architecture: str, parameters: int) -> None:
    assert sum(each.numel() for each in build(network(architecture)).parameters()) == parameters
    docstring = importlib.import_module(f"compression_ops.models.architectures.{architecture}").build.__doc__
    assert f"{parameters:,} parameters" in docstring


def plain(input_shape: tuple[int], classes: int) -> nn.Module:
    """A user's factory that asks for no vocabulary, and whose network wants a LongTensor."""
    assert input_shape == (WORDS,)
    return nn.Sequential(nn.Embedding(VOCABULARY, 4), nn.Flatten(), nn.Linear(4 * WORDS, classes))


def keywords(input_shape: tuple[int], classes: int, **others: int) -> nn.Module:
    """One that takes whatever it is told."""
    return nn.Sequential(nn.Embedding(others["vocabulary"], 4), nn.Flatten(), nn.Linear(4 * WORDS, classes))


@pytest.mark.parametrize(("factory", "told"), [(plain, {}), (keywords, {"vocabulary": VOCABULARY})])
def test_a_users_factory_is_told_what_it_asks_for_and_its_network_gets_whole_numbers(
    factory: Callable[..., nn.Module], told: dict[str, int]
) -> None:
    made = network(f"{__name__}:{factory.__name__}")
    assert made.arguments == told
    model = build(made).eval()
    inner = cast(nn.Sequential, parts(model))
    torch.testing.assert_close(model(ids().float()), inner(ids()))


def test_what_is_no_id_is_the_nearest_of_them() -> None:
    model = build(network("embedding_bag")).eval()
    far = torch.tensor([[-3.0, 1e9, 2.7, *[0.0] * (WORDS - 3)]])
    near = torch.tensor([[0.0, VOCABULARY - 1, 2.0, *[0.0] * (WORDS - 3)]])
    assert torch.equal(model(far), model(near))


@pytest.mark.parametrize("architecture", NAMES)
def test_a_network_is_saved_loaded_and_exported_as_one_of_indices(architecture: str, tmp_path: Path) -> None:
    folder, made = tmp_path, network(architecture)
    model = build(made).eval()
    save(folder, made, model)
    assert load_network(folder) == made
    expected = model(ids().float())
    torch.testing.assert_close(load(folder)(ids().float()), expected)
    exported = export.export_saved(folder)
    found = open_session(exported.SerializeToString()).run(None, {"input": ids().float().numpy()})[0]
    np.testing.assert_allclose(np.asarray(found), expected.detach().numpy(), atol=1e-5)


def test_an_architecture_of_images_is_refused_in_words() -> None:
    with pytest.raises(ModelError, match=r"'tiny_cnn' could not build a network for inputs of shape \(12,\)"):
        build(network("tiny_cnn"))
    choice = NetworkChoice(architecture="text_cnn", image_size=32)
    with pytest.raises(ModelError, match="image_size is of images, and the samples are texts"):
        of_choice(choice, TEXTS)
