"""What a sample is: how it is checked, normalized, compared, and described in an ONNX file.

    raw sample ─► normalized, which is the network's input ─► the network

A raw sample is what a user has, and what a shipped model takes: a fixed number of values of one type. All that the
product knows of it beside shape and type stands in a module of this package.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import NodeProto
    from torch import Tensor

    from compression_ops.data.dataset import Description


# Values of a sample that stand for it.
SHOWN = 8


class Read(NamedTuple):
    """name: by which a person finds it; value: a raw sample; fault: why it may not be what the file means, if so."""

    name: str
    value: "NDArray[Any]"
    fault: str | None = None


class Modality(ABC):
    """One kind of sample. A subclass is a frozen dataclass; its fields, which JSON can hold, are learned or stated.

    type           as `dataset.json` and an ONNX file name it, and its module is called
    noun           what several samples are called
    dtype, axes    of raw samples [N, ...], as NumPy names it and as people read it
    dimensions     of raw samples [N, ...], with that of the samples
    input_name     of a model that takes them raw
    example        a value that a sample may well have
    raw            what a model takes, in words: `pixels from 0 to 255`
    normalized     what a network alone takes
    has_likenesses whether samples may look alike although they differ (see compression_ops.data.near_duplicates)
    prepared_by    fields of a recipe's network, of those that only some samples can be prepared by, which these can
    has_repeats    whether equal samples are of different things, as two customers of one age and plan are: each has its
                   own place in a split, and one in training tells nothing of another in test
    how            how a model's user comes from files to raw samples, a sentence
    """

    type: ClassVar[str]
    noun: ClassVar[str]
    dtype: ClassVar[str]
    axes: ClassVar[str]
    dimensions: ClassVar[int]
    input_name: ClassVar[str]
    example: ClassVar[int] = 0
    raw: ClassVar[str]
    normalized: ClassVar[str]
    has_likenesses: ClassVar[bool] = False
    has_repeats: ClassVar[bool] = False
    prepared_by: ClassVar[tuple[str, ...]] = ()
    how: ClassVar[str]

    def require_sound(self, split: str, values: "NDArray[Any]") -> None:
        """Raises DataError if the samples of a split are none of this modality."""
        import numpy as np

        if values.dtype != np.dtype(self.dtype) or values.ndim != self.dimensions:
            raise DataError(
                f"{split}: {self.noun} {values.dtype} {list(values.shape)}; a data source must give {self.noun} "
                f"{self.dtype} {self.axes}."
            )
        if 0 in values.shape[1:]:
            raise DataError(f"{split}: {self.noun} of shape {list(values.shape[1:])} are empty. Give some of content.")

    def digests(self, values: "NDArray[Any]") -> list[bytes]:
        """The SHA-256 of each sample's content, by which it is placed in a split and known again; [N, ...]."""
        return [hashlib.sha256(sample).digest() for sample in values]

    def fitted(self, values: "NDArray[Any]", rows: "NDArray[np.int64]") -> Self:
        """With what is learned of the training samples, the `rows` of raw `values`, before any is encoded."""
        del values, rows
        return self

    def encoded(self, block: "NDArray[Any]") -> "NDArray[Any]":
        """Samples as a source reads them, as they are stored: raw samples of the fitted modality."""
        return block

    @abstractmethod
    def statistics(self, values: "NDArray[Any]", where: str) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """By which a sample is normalized: means and standard deviations of the training split; and warnings.

        Raises DataError if there is nothing to learn from.
        """

    @abstractmethod
    def drift(self, previous: "NDArray[Any]", current: "NDArray[Any]", former: "Modality") -> float:
        """How far what samples hold has moved: a population stability index (see `stability`), the largest of several.

        previous, current  raw samples of two data sets, of which the former's modality is `former`
        """

    def drifts(self, previous: "NDArray[Any]", current: "NDArray[Any]", former: "Modality") -> Mapping[str, float]:
        """As `drift`, of each part of a sample that a person can name, as `column 'age'`; none by default."""
        del previous, current, former
        return {}

    def described(self, shape: tuple[int, ...]) -> str:
        """Samples of that shape, in words."""
        return f"{self.noun} of shape {list(shape)}"

    def unlike(self, other: "Modality") -> str | None:
        """Why a model of this modality cannot be asked about samples of that one, of the same type; None if it can.

        A clause, as `its columns and the data set's differ in 'age'`.
        """
        del other
        return None

    def translated(self, values: "NDArray[Any]", to: "Modality") -> "NDArray[Any]":
        """Raw samples as a model of another data set's modality, of the same type, takes them."""
        del to
        return values

    def lost(self, model: "Modality") -> str | None:
        """What a model of that modality knows and raw samples of this one cannot hold, so that it is judged without;
        None if nothing. A clause.
        """
        del model
        return None

    @property
    def one(self) -> str:
        """What one sample is called."""
        return self.noun.removesuffix("s")

    def shown(self, value: "NDArray[Any]") -> str:
        """A raw sample in a few words."""
        values = value.reshape(-1).tolist()
        return ", ".join(f"{each:g}" for each in values[:SHOWN]) + (", …" if len(values) > SHOWN else "")

    def picture(self, value: "NDArray[Any]") -> "NDArray[np.uint8] | None":
        """A raw sample as what is drawn of it, uint8 [C, H, W], a pixel for each of its values, so that what these say
        for an answer can be laid over it. None where it is told in words alone.
        """
        del value
        return None

    def unreadable(self, shape: tuple[int, ...]) -> str | None:
        """Why no file is read for a model of raw samples of that shape, and what to do instead; None if some are."""
        del shape
        return None

    def read(self, file: Path, description: "Description") -> Sequence[Read]:
        """Every sample that a user's file holds, as `compression predict` asks.

        Raises DataError, in words that name the file, for one that holds none.
        """
        del description
        raise DataError(f"{file}: {self.noun} are not read from files here; run the model in onnxruntime on arrays")

    def features(self, shape: tuple[int, ...]) -> int:
        """How many means and standard deviations normalize a raw sample of that shape."""
        return shape[0]

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """That of the network's input, of that of a raw sample."""
        return shape

    def arguments(self) -> Mapping[str, Any]:
        """What a network's factory is told beside its input's shape and the number of classes, if it has such
        parameters.
        """
        return {}

    def indices(self) -> int | None:
        """How many there are where the network's input are indices from 0 on, as a table's rows have; None elsewhere.

        A network is then given int64 instead of float32.
        """
        return None

    @abstractmethod
    def normalize(self, values: "Tensor", description: "Description") -> "Tensor":
        """Raw samples [N, ...], of their type or float32 -> the network's input, float32."""

    @abstractmethod
    def normalize_array(self, values: "NDArray[Any]", description: "Description") -> "NDArray[Any]":
        """As `normalize`, to the bit, without torch."""

    @abstractmethod
    def nodes(self, output: str, description: "Description", names: Iterator[str]) -> "list[NodeProto]":
        """As `normalize`, to the bit, as ONNX nodes from `input_name` to `output`; `names` are free."""

    def is_raw(self, name: str, dtype: str) -> bool:
        """Whether a model's input, by its name and NumPy's name of its type, is of raw samples."""
        return dtype == self.dtype and (dtype != "float32" or name == self.input_name)

    def fields(self) -> dict[str, Any]:
        """As JSON: `type`, and the fields."""
        return {"type": self.type, **asdict(self)}  # type: ignore[call-overload]
