"""What an ONNX file says about itself, in its `metadata_props`: the data it was made for, and where it came from.

    compression.classes, .shape, .mean, .std   JSON: the fields of compression_ops.data.dataset.Description
    compression.input                          a sentence: dtype, layout and range of the input, how pictures get there
    compression.recipe, .asset, .digest        which recipe's asset this is, and the digest of its content
    mlflow.run_id                              the run that computed it

With these a file can be used, and traced, by whoever has nothing but the file. onnxruntime ignores them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import onnx
from onnx import helper
from pydantic import Field, TypeAdapter, ValidationError

from compression_ops.data.dataset import Description
from compression_ops.errors import ModelError
from compression_ops.onnx_model.pixels import takes_pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_RECIPE, _ASSET, _DIGEST, _RUN = "compression.recipe", "compression.asset", "compression.digest", "mlflow.run_id"
_INPUT = "compression.input"
# What `data.formats.image_file.decode` does; said here in words, so that a model is not made of its code.
_PICTURES = (
    "upright by EXIF, transparency over white, RGB or ITU-R 601 luma, the largest centred square, resized bilinear "
    "with antialiasing"
)
_Size = Annotated[int, Field(ge=1)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_FIELDS: dict[str, TypeAdapter[Any]] = {
    "classes": TypeAdapter(Annotated[tuple[str, ...], Field(min_length=1)]),
    "shape": TypeAdapter(tuple[_Size, _Size, _Size]),
    "mean": TypeAdapter(tuple[_Finite, ...]),
    "std": TypeAdapter(tuple[Annotated[_Finite, Field(gt=0)], ...]),
}
_KEYS = {field: f"compression.{field}" for field in _FIELDS}


@dataclass(frozen=True)
class Metadata:
    """description: of the data that the model takes and the classes that it tells; the rest is None where unsigned.

    recipe, asset   the recipe's name, and the asset's in it
    digest          the content digest of the artifact that the model lay in
    run_id          of the MLflow run that computed it
    """

    description: Description
    recipe: str | None
    asset: str | None
    digest: str | None
    run_id: str | None


def describe(model: onnx.ModelProto, description: Description) -> None:
    """Set what a user of the file must know; an earlier description is replaced."""
    fields = {_KEYS[field]: json.dumps(value) for field, value in asdict(description).items()}
    _set(model, {**fields, _INPUT: f"{_taken(model)}. Of a picture: {_PICTURES}"})


def _taken(model: onnx.ModelProto) -> str:
    if takes_pixels(model):
        return "uint8 [N, C, H, W], pixels from 0 to 255; the model normalizes by itself"
    return "float32 [N, C, H, W], (pixel / 255 - mean) / std of each channel, for pixels from 0 to 255"


def sign(model: onnx.ModelProto, *, recipe: str, asset: str, digest: str, run_id: str) -> None:
    """Set where the model came from; an earlier signature is replaced."""
    _set(model, {_RECIPE: recipe, _ASSET: asset, _DIGEST: digest, _RUN: run_id})


def is_described(model: "onnx.ModelProto | InferenceSession") -> bool:
    """Whether the model has any of the keys that `describe` sets."""
    return not _properties(model).keys().isdisjoint(_KEYS.values())


def read(model: "onnx.ModelProto | InferenceSession", name: str = "the ONNX model") -> Metadata:
    """What the model, or the one that a session was opened over, says about itself; `name` stands in errors.

    Raises ModelError if it has no description, or one that cannot be.
    """
    found = _properties(model)
    if missing := [key for key in _KEYS.values() if key not in found]:
        raise ModelError(
            f"{name}: its metadata lack {', '.join(missing)}; found {', '.join(sorted(found)) or 'none'}. Needed is a "
            "file that says for which classes and images it was made: take one that this project wrote, or add them "
            "with compression_ops.onnx_model.metadata.describe"
        )
    description = Description(**{field: _parsed(field, found[key], name) for field, key in _KEYS.items()})
    channels = description.shape[0]
    if not channels == len(description.mean) == len(description.std):
        raise ModelError(
            f"{name}: its metadata give {len(description.mean)} means and {len(description.std)} standard deviations "
            f"for {channels} channel(s); there must be one for each. Describe it again"
        )
    return Metadata(description, found.get(_RECIPE), found.get(_ASSET), found.get(_DIGEST), found.get(_RUN))


def content(model: onnx.ModelProto) -> bytes:
    """The model serialized without its metadata: equal for equal graphs and weights. The argument is not changed."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.metadata_props[:]
    return bare.SerializeToString(deterministic=True)


def _set(model: onnx.ModelProto, properties: Mapping[str, str]) -> None:
    """Sorted, so that the bytes of the file do not depend on what was set first; keys of others stay."""
    helper.set_model_props(model, dict(sorted({**_properties(model), **properties}.items())))


def _properties(model: "onnx.ModelProto | InferenceSession") -> dict[str, str]:
    if isinstance(model, onnx.ModelProto):
        return {entry.key: entry.value for entry in model.metadata_props}
    return dict(model.get_modelmeta().custom_metadata_map)


def _parsed(field: str, text: str, name: str) -> Any:
    try:
        return _FIELDS[field].validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"[{part}]" for part in first["loc"])
        raise ModelError(
            f"{name}: its metadata's {_KEYS[field]}{where} cannot be read: {first['msg']}; found {text!r}. "
            "Describe it again with compression_ops.onnx_model.metadata.describe"
        ) from error
