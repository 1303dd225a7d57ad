"""The parameters that every data set has, and the modules that define them."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from compression_ops import implementations
from compression_ops.data.spec import DatasetSpec

_SOURCES = ("digits", "mnist", "fashion_mnist", "cifar10", "photographs", "image_folder", "image_table", "npz")
_SOURCES += ("csv", "parquet", "sklearn_table")
_SOURCES += ("tones", "wav_folder")
_SOURCES += ("docstrings", "text_folder", "text_table")
_OWN: dict[str, dict[str, Any]] = {
    "image_folder": {"path": "pictures", "image_size": 32},
    "image_table": {"path": "labels.csv", "file": "image", "label": "breed", "image_size": 32},
    "npz": {"path": "arrays.npz"},
    "csv": {"path": "rows.csv", "target": "y"},
    "parquet": {"path": "rows.parquet", "target": "y"},
    "sklearn_table": {"name": "wine"},
    "wav_folder": {"path": "recordings"},
    "text_folder": {"path": "mails"},
    "text_table": {"path": "reviews.csv", "text": "review", "label": "stars"},
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"validation_fraction": 0.0},
        {"validation_fraction": 1.0},
        {"validation_fraction": 1.5},
        {"validation_fraction": float("nan")},
        {"validation_fraction": "0.1"},
        {"seed": -1},
        {"seed": 2**63},
        {"seed": 1.0},
        {"limit": 0},
        {"limit": 10.5},
    ],
)
def test_a_value_out_of_range_or_of_another_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        DatasetSpec.model_validate(wrong)
    assert caught.value.errors()[0]["loc"] == tuple(wrong)


@pytest.mark.parametrize("source", _SOURCES)
def test_a_source_is_named_as_its_module_and_fills_in_the_defaults(source: str) -> None:
    (stated,) = (spec for spec in implementations.specs("data.sources") if spec.__module__.endswith(f".{source}"))
    spec = stated.model_validate({"source": source, **_OWN.get(source, {})})
    assert isinstance(spec, DatasetSpec)
    assert (spec.validation_fraction, spec.seed, spec.limit) == (0.1, 0, None)
    with pytest.raises(ValidationError):
        stated.model_validate({"source": "another", **_OWN.get(source, {})})


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("image_folder", {"path": ""}),
        ("image_folder", {"image_size": 0}),
        ("image_folder", {"image_size": "32"}),
        ("image_folder", {"channels": 2}),
        ("image_folder", {"test_fraction": 0.0}),
        ("csv", {"target": ""}),
        ("csv", {"columns": []}),
        ("csv", {"categories": "zip"}),
        ("sklearn_table", {"name": "diabetes"}),
        ("image_table", {"images": ""}),
        ("image_table", {"label": 3}),
        ("npz", {"path": ""}),
        ("npz", {"test_fraction": 1.0}),
        ("wav_folder", {"rate": 0}),
        ("wav_folder", {"seconds": 0.0}),
        ("wav_folder", {"mels": 2}),
        ("tones", {"per_class": 0}),
        ("digits", {"path": "somewhere"}),
        ("mnist", {"test_fraction": 0.5}),
    ],
)
def test_a_source_refuses_wrong_fields_of_its_own(source: str, wrong: dict[str, Any]) -> None:
    (stated,) = (spec for spec in implementations.specs("data.sources") if spec.__module__.endswith(f".{source}"))
    with pytest.raises(ValidationError) as caught:
        stated.model_validate({"source": source, **_OWN.get(source, {}), **wrong})
    assert caught.value.errors()[0]["loc"] == tuple(wrong)


def test_reading_a_recipe_and_digesting_its_files_imports_no_heavy_package() -> None:
    script = f"""
import importlib, sys
from pathlib import Path
for name in {_SOURCES!r}:
    module = importlib.import_module("compression_ops.data.sources." + name)
digits = importlib.import_module("compression_ops.data.sources.digits")
spec = digits.Digits(source="digits")
assert digits.files(spec, digits.locate(spec, []))
heavy = {{"torch", "torchvision", "numpy", "sklearn", "scipy", "PIL", "onnxruntime", "safetensors"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_stage_reaches_no_source_until_a_recipe_chose_one() -> None:
    script = "import sys, compression_ops.stages.dataset\nprint([m for m in sys.modules if 'data.sources.' in m])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
