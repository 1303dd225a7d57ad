"""A user's own recordings: WAV files, one folder a class.

    path/<class>/...                          the test split is held out by content
    path/train/<class>/..., path/test/<class>/...   the user's own test split

compression_ops.data.folders.layout says how else folders may be laid out and named. Folders inside a class folder are
searched too. PCM of 8, 16, 24 and 32 bits and floats are read; what is no recording and not named like one is left out
with a warning; one that cannot be read is an error.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.data import file_names
from compression_ops.data.folders import layout
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.folders.recordings import RECORDINGS, Met, read_split
from compression_ops.data.recordings import oddities
from compression_ops.data.recordings.spec import RecordingSpec
from compression_ops.data.samples import HoldOut, RawData
from compression_ops.data.splits.groups import FileGroups, of_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WavFolder(RecordingSpec):
    source: Literal["wav_folder"]
    path: str = Field(min_length=1, description="Folder with a folder a class, or with `train` and `test`.")
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="Share held out for test, where `path` has no `test` of its own."
    )
    groups: FileGroups | None = Field(
        default=None,
        description="Which recordings no split parts, as those of one speaker: `folder` (those of one folder below a "
        "class's), or a regular expression whose one bracket finds the group's name in a file's path below `path`; "
        "none by default.",
    )


def locate(spec: WavFolder, folders: Sequence[Path]) -> Path | None:
    """The folder `path`: as it is, or where relative also in each of `folders`; None where there is none."""
    return file_names.placed(spec.path, folders, Path.is_dir)


def files(spec: WavFolder, root: Path) -> list[Path]:
    """Every file that may be a recording, sorted; none is read. Raises DataError as `layout.read` does."""
    found = layout.read(root, RECORDINGS)
    return sorted(labelled.file for labelled in (*found.train, *(found.test or ())))


def examine(spec: WavFolder, root: Path) -> None:
    """Raises DataError as `layout.read` does, for files without a group, and for bands too narrow; none is opened."""
    spec.modality()
    found = layout.read(root, RECORDINGS)
    for split in (found.train, found.test or ()):
        if spec.groups is not None:
            of_files(spec.groups, [item.file for item in split], [item.folder for item in split], root)


def read(spec: WavFolder, root: Path) -> RawData:
    """Recordings int16 [N, rate · seconds]; classes are the folders' names in natural order.

    See compression_ops.data.recordings.waveform for what happens to a recording. Raises DataError as `layout.read`
    does, if recordings cannot be read, by all their names, and where all of a class are silent.
    """
    modality, found = spec.modality(), layout.read(root, RECORDINGS)
    met = Met(root, spec.rate, spec.samples)

    def groups(taken: Sequence[Labelled]) -> "NDArray[np.str_]":
        return of_files(spec.groups or "", [item.file for item in taken], [item.folder for item in taken], root)

    asked = (met, groups if spec.groups is not None else None)
    splits = [read_split(split, *asked) for split in (found.train, found.test) if split is not None]
    met.require_decoded()
    warnings = [*found.warnings, *met.warnings()]
    for split in splits:
        silent = oddities.require_heard(split.values, split.labels, found.classes, str(root))
        names = [] if split.names is None else split.names.tolist()
        warnings += oddities.told(split.values, silent, names, str(root))
    test = splits[1] if len(splits) == 2 else HoldOut(spec.test_fraction)
    return RawData(splits[0], test, found.classes, tuple(warnings), modality)
