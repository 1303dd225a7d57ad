"""The recordings of a split at one rate and length, and what was met on the way."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from compression_ops.data.file_names import lines, listed, shown
from compression_ops.data.folders.content import Content
from compression_ops.data.folders.layout import Labelled
from compression_ops.data.formats import wave_file
from compression_ops.data.formats.wave_file import Wave
from compression_ops.data.recordings import waveform
from compression_ops.data.samples import Samples
from compression_ops.data.storage import blocks
from compression_ops.data.storage.spool import Spool
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECORDINGS = Content("recording", wave_file.is_named_like_one, wave_file.is_wave)
# A recording that is so many times as long, or as short, as all are to be is told.
_MUCH = 2


@dataclass
class Met:
    """What was met while reading, file by file, in order."""

    root: Path
    rate: int
    samples: int
    none: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    rates: Counter[int] = field(default_factory=Counter)
    mixed: list[str] = field(default_factory=list)
    longer: list[str] = field(default_factory=list)
    shorter: list[str] = field(default_factory=list)

    def add(self, file: Path, wave: "_Read | DataError | None") -> None:
        name = file.relative_to(self.root).as_posix()
        if wave is None:
            self.none.append(name)
        elif isinstance(wave, DataError):
            self.damaged.append(str(wave))
        else:
            self.rates[wave.rate] += 1
            if wave.channels > 1:
                self.mixed.append(name)
            if wave.seconds * self.rate > _MUCH * self.samples:
                self.longer.append(name)
            if wave.seconds * self.rate < self.samples / _MUCH:
                self.shorter.append(name)

    def require_decoded(self) -> None:
        """Raises DataError that names every file which cannot be read, and why."""
        if self.damaged:
            count = f"{len(self.damaged):,} recording(s) cannot be read. Convert, repair or remove them:"
            raise DataError(f"{self.root}: {count}{lines(self.damaged)}")

    def warnings(self) -> list[str]:
        """What was changed or left out, counted and named."""
        seconds = self.samples / self.rate
        others = {rate: count for rate, count in sorted(self.rates.items()) if rate != self.rate}
        at = ", ".join(f"{count:,} of {rate:,} Hz" for rate, count in others.items())
        kinds = Counter(Path(name).suffix.lower() or "without ending" for name in self.none)
        left = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
        told = [
            (sum(others.values()), f"were resampled to {self.rate:,} Hz ({at})", None),
            (len(self.mixed), "have several channels, of which the mean was taken", self.mixed),
            (len(self.longer), f"are more than {_MUCH} times {seconds:g} s long; the loudest was kept", self.longer),
            (len(self.shorter), f"are less than half of {seconds:g} s long; zeros were added", self.shorter),
        ]
        found = [
            f"{count:,} recording(s) {what}" + (f": {listed(names)}." if names else ".")
            for count, what, names in told
            if count
        ]
        if self.none:
            what = f"{len(self.none):,} file(s) are no recordings ({left}) and were left out"
            found.append(f"{what}: {listed(self.none)}.")
        return [f"{self.root}: {words}" for words in found]


@dataclass(frozen=True)
class _Read:
    """What is told of a file, and its recording, int16 [samples]."""

    rate: int
    channels: int
    seconds: float
    values: "NDArray[np.int16]"


def read_split(
    split: Sequence[Labelled],
    met: Met,
    groups: "Callable[[Sequence[Labelled]], NDArray[np.str_]] | None" = None,
) -> Samples:
    """Read one split's files, on all cores: int16 [N, samples], labels int64 [N], names [N].

    met     says rate and length, and is told of every file; what cannot be read is only noted there
    groups  gives the group of each of the files that were taken; None where there are none

    Files that are no recordings are left out, so N may be less than there are files.
    """
    import numpy as np

    def attempt(labelled: Labelled) -> _Read | DataError | None:
        try:
            return wave_file.made(labelled.file, met.rate, lambda wave: _of_wave(wave, met.rate, met.samples))
        except DataError as error:
            return error

    pcm, taken = Spool((met.samples,), "int16"), list[Labelled]()
    for labelled, found in zip(split, blocks.in_parallel(attempt, split), strict=True):
        met.add(labelled.file, found)
        if isinstance(found, _Read):
            pcm.append(np.ascontiguousarray(found.values))
            taken.append(labelled)
    names = np.array([shown(item.file.relative_to(met.root).as_posix()) for item in taken], np.str_)
    labels = np.array([item.label for item in taken], np.int64)
    return Samples(pcm.rows(), labels, None if groups is None else groups(taken), names)


def _of_wave(wave: Wave, rate: int, samples: int) -> _Read:
    length, channels = wave.values.shape
    values = waveform.pcm(waveform.resampled(waveform.mono(wave.values), wave.rate, rate))
    return _Read(wave.rate, channels, length / wave.rate, waveform.fitted(values, samples))
