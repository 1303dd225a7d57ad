"""What an ONNX file says about itself, in its `metadata_props`: the data it was made for, and where it came from.

    compression.classes, .shape, .mean, .std   JSON: fields of compression_ops.data.dataset.Description
    compression.modality                       JSON: what the samples are (see compression_ops.data.modalities)
    compression.input                          a sentence: dtype, layout and range of the input, how files get there
    compression.recipe, .asset, .digest        which recipe's asset this is, and the digest of its content
    mlflow.run_id                              the run that computed it

With these a file can be used, and traced, by whoever has nothing but the file. onnxruntime ignores them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import onnx
from onnx import helper
from pydantic import Field, TypeAdapter, ValidationError

from compression_ops.data.dataset import Description
from compression_ops.data.modalities import known
from compression_ops.data.modalities.modality import Modality
from compression_ops.errors import DataError, ModelError
from compression_ops.onnx_model.raw_samples import takes_raw

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_RECIPE, _ASSET, _DIGEST, _RUN = "compression.recipe", "compression.asset", "compression.digest", "mlflow.run_id"
_INPUT = "compression.input"
_Size = Annotated[int, Field(ge=1)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_FIELDS: dict[str, TypeAdapter[Any]] = {
    "classes": TypeAdapter(Annotated[tuple[str, ...], Field(min_length=1)]),
    "shape": TypeAdapter(Annotated[tuple[_Size, ...], Field(min_length=1)]),
    "mean": TypeAdapter(tuple[_Finite, ...]),
    "std": TypeAdapter(tuple[Annotated[_Finite, Field(gt=0)], ...]),
}
_KEYS = {field: f"compression.{field}" for field in _FIELDS}
_MODALITY = "compression.modality"  # which files of earlier versions, all of images, have not


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
    fields = {_KEYS[field]: json.dumps(getattr(description, field)) for field in _FIELDS}
    modality = description.modality
    told = {_MODALITY: json.dumps(modality.fields()), _INPUT: f"{_taken(model, description)}. {modality.how}"}
    _set(model, fields | told)


def _taken(model: onnx.ModelProto, description: Description) -> str:
    modality = description.modality
    if takes_raw(model, description):
        return f"{modality.dtype} {modality.axes}, {modality.raw}; the model normalizes by itself"
    shape = description.input_shape
    axes = modality.axes if shape == description.shape else f"[N, {', '.join(map(str, shape))}]"
    return f"float32 {axes}, {modality.normalized}"


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
            "file that says for which classes and samples it was made: take one that this project wrote, or add them "
            "with compression_ops.onnx_model.metadata.describe"
        )
    fields = {field: _parsed(field, found[key], name) for field, key in _KEYS.items()}
    description = Description(**fields, modality=_modality(found.get(_MODALITY), name))
    if len(description.shape) != description.modality.dimensions - 1:
        raise ModelError(
            f"{name}: its metadata's {_KEYS['shape']} is {list(description.shape)}; {description.modality.noun} are "
            f"{description.modality.axes}. Describe it again"
        )
    features = description.modality.features(description.shape)
    if not features == len(description.mean) == len(description.std):
        raise ModelError(
            f"{name}: its metadata give {len(description.mean)} means and {len(description.std)} standard deviations "
            f"for {features} channel(s); there must be one for each. Describe it again"
        )
    return Metadata(description, found.get(_RECIPE), found.get(_ASSET), found.get(_DIGEST), found.get(_RUN))


def _modality(text: str | None, name: str) -> Modality:
    if text is None:
        return known.unstated()
    try:
        fields = json.loads(text)
        return known.of_fields(fields if isinstance(fields, dict) else {})
    except (ValueError, DataError) as error:
        raise ModelError(
            f"{name}: its metadata's {_MODALITY} cannot be read: {error}; found {text!r}. "
            "Describe it again with compression_ops.onnx_model.metadata.describe"
        ) from error


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
