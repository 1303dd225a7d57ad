"""Modalities are found by the names of their files."""

import importlib
from typing import Any

import pytest

from compression_ops.data.dataset import Description
from compression_ops.data.modalities import known
from compression_ops.data.modalities.images import Images
from compression_ops.errors import DataError


def test_every_file_that_defines_a_modality_is_one_and_the_others_are_none() -> None:
    assert known.names() == ("images", "signal", "table", "tokens")
    for name in known.names():
        assert known.module_name(name) == f"compression_ops.data.modalities.{name}"
        assert importlib.import_module(f"compression_ops.data.arrays.{name}").read


@pytest.mark.parametrize(
    "name", ["modality", "stability", "known", "images.Images", "../images", "", None, 7, ["images"]]
)
def test_what_a_file_calls_otherwise_is_refused_and_nothing_is_imported_for_it(name: Any) -> None:
    with pytest.raises(DataError, match="are not known; allowed is one of images, signal, table, tokens"):
        known.of_fields({"type": name})


def test_what_does_not_say_its_modality_is_of_images() -> None:
    assert known.unstated() == Images() == Description(("a",), (1, 2, 2), (0.5,), (0.5,)).modality
