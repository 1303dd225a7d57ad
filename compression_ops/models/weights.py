"""Trained weights from a file, read without running any code that a file may hold, and put into a network."""

import json
import shlex
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from compression_ops.data.file_names import shown
from compression_ops.errors import ModelError
from compression_ops.models.network import take

_SAFE = ".safetensors"
_PICKLES = (b"PK\x03\x04", b"\x80")  # an archive with a pickle in it, and a bare one as torch < 1.6 wrote it
# Under which a checkpoint keeps the weights, beside epochs and optimizers.
_NESTS = ("state_dict", "model_state_dict", "model", "net", "weights")
# What DataParallel, torch.compile and wrappers of frameworks put before every name.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
_SHOWN = 4  # names in an error


@dataclass(frozen=True)
class Weights:
    """tensors: by name, on the CPU; classes: the names of the outputs, where the file states them."""

    tensors: Mapping[str, Tensor]
    classes: tuple[str, ...] | None = None


def read(file: Path) -> Weights:
    """The weights in a safetensors file, or in one of `torch.save` that holds tensors alone; its first bytes decide.

    The header of a safetensors file may state `classes`, a JSON list. Raises ModelError for any other file, with the
    line that converts it where there is one.
    """
    with file.open("rb") as stream:
        first = stream.read(9)
    if file.suffix.lower() == _SAFE or first[8:] == b"{":  # the length of the header, and its JSON
        return _read_safe(file)
    if not first.startswith(_PICKLES):
        raise ModelError(
            f"{file} is neither a safetensors file nor one of torch.save: it begins with {first!r}. If it was "
            "downloaded, look into it: a page with an error, or the pointer of Git LFS, is a text"
        )
    return _read_pickled(file)


def _read_safe(file: Path) -> Weights:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError, MemoryError) as error:
        raise ModelError(f"{file} is no readable safetensors file: {error}") from error
    return Weights(tensors, _classes(file, metadata.get("classes")))


def _classes(file: Path, stated: str | None) -> tuple[str, ...] | None:
    if stated is None:
        return None
    try:
        found = json.loads(stated)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise ModelError(f"{file}: its metadata `classes` is {stated[:60]!r}; allowed is a JSON list of names")
    return tuple(map(str, found))


def _read_pickled(file: Path) -> Weights:
    _require_stored(file)
    try:
        # The one file that the product did not write: a teacher's own, by an unpickler that knows tensors alone.
        found = torch.load(file, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:  # whatever a damaged or foreign file makes the unpickler raise
        raise ModelError(
            f"{file} holds more than tensors, and reading it would run code that it brings; or it is no file of "
            f"torch.save. If you trust it, convert it once:\n  {_conversion(file)}"
        ) from error
    tensors = _nested(found)
    if tensors is None:
        raise ModelError(
            f"{file} holds {type(found).__name__}{_keys(found)}; allowed is a state_dict, alone or under one of "
            f"{', '.join(_NESTS)}"
        )
    return Weights(tensors)


def _require_stored(file: Path) -> None:
    """What torch.save writes is not compressed; what is may hold a thousand times what it seems to."""
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            packed = [each.filename for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED]
    except Exception as error:  # whatever a damaged or foreign directory makes it raise
        raise ModelError(
            f"{file} is an archive whose directory cannot be read ({shown(error)}). It was cut short or is damaged: "
            "copy it again, or save the weights anew, by torch.save or safetensors"
        ) from error
    if packed:
        raise ModelError(
            f"{file} is an archive with compressed entries ({shown(packed[0])}), which torch.save writes none of. Save "
            "the weights anew, by torch.save or safetensors"
        )


def _conversion(file: Path) -> str:
    """A line that makes a safetensors file of a whole network, a checkpoint or a TorchScript archive."""
    old, new, nests = (json.dumps(each) for each in (str(file), file.with_suffix(_SAFE).name, _NESTS))
    program = (
        "import torch; from safetensors.torch import save_file; "
        f'm = torch.load({old}, map_location="cpu", weights_only=False); '
        f"m = next((m[k] for k in {nests} if k in m), m) if isinstance(m, dict) else m; "
        'm = m.state_dict() if hasattr(m, "state_dict") else m; '
        "w = {n: t.detach().to_dense().clone().contiguous() for n, t in m.items() if torch.is_tensor(t)}; "
        f"save_file(w, {new})"
    )
    return f"python -c {shlex.quote(program)}"


def _nested(found: Any) -> dict[str, Tensor] | None:
    for nest in ("", *_NESTS):
        inner = found if not nest else found.get(nest) if isinstance(found, Mapping) else None
        if isinstance(inner, Mapping) and inner and all(isinstance(value, Tensor) for value in inner.values()):
            return {str(name): value for name, value in inner.items()}
    return None


def _keys(found: Any) -> str:
    return f" with the keys {_some(found)}" if isinstance(found, Mapping) else ""


def put(model: nn.Module, weights: Weights, classes: int, source: str, new_head: bool) -> tuple[str, ...]:
    """Give a network its weights, in place; returns sentences about what was not taken.

    new_head  whether a last layer for another number of classes keeps the weights that it was drawn with

    Raises ModelError for weights of another network; `source` is what they are called in it.
    """
    own = model.state_dict()
    given = _renamed(weights.tensors, own)
    missing = [name for name in own if name not in given and not name.endswith("num_batches_tracked")]
    unknown = [name for name in given if name not in own]
    other = [name for name in own if name in given and own[name].shape != given[name].shape]
    heads = [name for name in other if new_head and _is_head(own[name], given[name], classes)]
    wrong = [name for name in other if name not in heads]
    if missing or unknown or wrong:
        raise ModelError(_mismatch(source, own, given, missing, unknown, wrong, classes))
    if broken := [name for name, value in given.items() if value.is_floating_point() and value.isnan().any()]:
        raise ModelError(f"{source} hold NaN, in {_some(broken)}: its training diverged, or the file is damaged")
    take(model, {name: value for name, value in given.items() if name not in heads})
    if not heads:
        return ()
    found = given[heads[0]].shape[0]
    return (f"{source} are for {found} classes, the data have {classes}: {_some(heads)} start from random values",)


def _renamed(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Without as many of the prefixes that wrappers add as makes the most names fit."""
    tried = [given]
    while prefix := next((prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in tried[-1])), None):
        tried.append({name.removeprefix(prefix): value for name, value in tried[-1].items()})
    return max(tried, key=lambda names: len(own.keys() & names.keys()))


def _is_head(own: Tensor, given: Tensor, classes: int) -> bool:
    """Whether two weights differ in the number of classes alone."""
    return own.dim() == given.dim() and own.dim() > 0 and own.shape[0] == classes and own.shape[1:] == given.shape[1:]


def _mismatch(
    source: str,
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    missing: Sequence[str],
    unknown: Sequence[str],
    wrong: Sequence[str],
    classes: int,
) -> str:
    parts = [f"{source} are of another network than this architecture with {classes} classes:"]
    parts += [f"  without {len(missing)} of its tensors: {_some(missing)}"] if missing else []
    parts += [f"  with {len(unknown)} that it has not: {_some(unknown)}"] if unknown else []
    shapes = [f"{name} {list(given[name].shape)} instead of {list(own[name].shape)}" for name in wrong]
    parts += [f"  in other shapes: {_some(shapes)}"] if shapes else []
    parts.append(
        "  correct `architecture`, its `arguments` or `image_size`; another number of classes needs epochs > 0"
    )
    return "\n".join(parts)


def _some(names: Iterable[object]) -> str:
    listed = list(map(str, names))
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(islice(listed, _SHOWN)) + more
