"""WAV files: PCM and floats in RIFF, read by what their chunks say (Microsoft & IBM 1991; WAVE_FORMAT_EXTENSIBLE)."""

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from compression_ops.data.file_names import shown
from compression_ops.data.storage import memory
from compression_ops.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

ENDINGS = frozenset({".wav", ".wave"})
# Recordings that are kept in another way: each would be lost, not a note beside the others.
FOREIGN = frozenset(
    {".aac", ".aif", ".aiff", ".amr", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".sph", ".webm", ".wma"}
)
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CODECS = {
    2: "Microsoft ADPCM", 6: "A-law", 7: "µ-law", 17: "IMA ADPCM", 49: "GSM 6.10", 80: "MPEG", 85: "MP3", 255: "AAC",
}  # fmt: skip
_WIDTHS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_RATES = range(1_000, 768_001)
_UNKNOWN = 0xFFFFFFFF  # a size that whoever wrote into a pipe could not know
_CONVERT = "Write it as PCM: ffmpeg -i FILE -c:a pcm_s16le FILE.wav"
_SECONDS = 600
_LARGEST = 1 << 30  # bytes: ten minutes of two channels at 192 kHz, in floats
_SAMPLE_BYTES = 13  # that decoding takes a sample: as a float of 64 bits, one of 32, and whether it is a number
# Of what comes after: a float of a sample, its part of the channels' mean, and of one at another rate integers, their
# squares and sums.
_FLOAT_BYTES, _MADE_BYTES = 4, 24
_CHANNELS = range(1, 65)
_CHUNKS = 10_000  # after which no sound is looked for any more
_FORM = 40  # bytes of the longest chunk `fmt `


@dataclass(frozen=True)
class Wave:
    """values: float32 [T, channels], where 32768 is full scale; rate in Hz."""

    values: "NDArray[np.float32]"
    rate: int


@dataclass(frozen=True)
class _Form:
    code: int
    channels: int
    rate: int
    bits: int


def is_named_like_one(name: str) -> bool:
    """Whether a file of this name should be a recording, be it of a format that is not read."""
    return Path(name).suffix.lower() in ENDINGS | FOREIGN


def is_wave(path: Path) -> bool:
    """Whether a file is a WAV file by its first bytes."""
    try:
        with path.open("rb") as file:
            return _is_riff(file.read(12))
    except OSError:
        return False


def decode(path: Path) -> Wave | None:
    """The recording; None for a file that neither is a WAV file nor is named like a recording.

    Raises DataError, in words, for one that is empty, cut short, damaged, compressed, longer than ten minutes, or in
    another format, and for a file that cannot be read; MemoryLimitError for one that takes more memory than there is.
    """
    return made(path, 0, lambda wave: wave)


def made(path: Path, rate: int, of: Callable[[Wave], T]) -> T | None:
    """As `decode`, what `of` makes of the recording at a rate in Hz, for which memory is held, too."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if _is_riff(head):
                return _wave(file, shown(path), rate, of)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{shown(path)}: {error}") from error
    if not is_named_like_one(path.name):
        return None
    raise DataError(f"{shown(path)}: {_other(head, path)}")


def _is_riff(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def _other(content: bytes, path: Path) -> str:
    if not content:
        return "an empty file, of no byte. Record it again, or remove it"
    if content[:4] in (b"RIFX", b"RF64", b"BW64"):
        return f"a WAV file of the kind {content[:4].decode()}, which is not read. {_CONVERT}"
    if path.suffix.lower() in FOREIGN:
        return f"{path.suffix.lower()} files are not read. {_CONVERT}"
    return f"no WAV file: it begins with {content[:12]!r}. {_CONVERT}, or remove it"


def _wave(file: IO[bytes], where: str, rate: int, of: Callable[[Wave], T]) -> T:
    """Raises ValueError in words. No more is read than what the header tells of, nor more than is allowed."""
    form: _Form | None = None
    for name, size, there in _chunks(file):
        if name == b"fmt ":
            form = _form(file.read(min(there, _FORM)))
        elif name == b"data":
            if form is None:
                raise ValueError("its sound comes before the chunk that says what it is. Write it again")
            if size not in (there, _UNKNOWN):
                found = f"its header tells of {size:,} bytes of sound, and {there:,} are there"
                raise ValueError(f"cut short: {found}. Copy or record it again, or remove it")
            _require_short(there, form)
            with memory.held(where, _taken(there, form, rate)):
                return of(_decoded(file.read(there), form))
    raise ValueError("holds no sound: it ends before a chunk `data`. Copy or record it again, or remove it")


def _taken(size: int, form: _Form, rate: int) -> int:
    """Bytes of memory for so many bytes of sound, of which something is made at a rate; at 0 nothing is."""
    samples = 8 * size // form.bits
    length = samples // form.channels
    further = _FLOAT_BYTES * (samples + length) + _MADE_BYTES * length * rate // form.rate
    return max(size + _SAMPLE_BYTES * samples, further if rate else 0)


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """(name, size as it is stated, how much of it is there) of each, with the file at what it holds."""
    end, place = file.seek(0, io.SEEK_END), 12
    for _ in range(_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack("<4sI", head)
        yield name, size, min(size, end - place - 8)
        place += 8 + size + size % 2


def _form(body: bytes) -> _Form:
    if len(body) < 16:
        raise ValueError("its header is cut short. Copy or record it again, or remove it")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if code == _EXTENSIBLE and len(body) >= 26:
        (code,) = struct.unpack_from("<H", body, 24)
    if code not in _WIDTHS:
        codec = _CODECS.get(code, f"format {code:#06x}")
        raise ValueError(f"compressed as {codec}; read are PCM of 8, 16, 24 and 32 bits and floats. {_CONVERT}")
    if bits not in _WIDTHS[code]:
        raise ValueError(f"samples of {bits} bits; read are PCM of 8, 16, 24 and 32 bits and floats. {_CONVERT}")
    if channels not in _CHANNELS or rate not in _RATES:
        allowed = f"1 to {_CHANNELS[-1]}, at 1,000 to 768,000 Hz"
        raise ValueError(f"{channels} channel(s) at {rate:,} Hz; allowed are {allowed}")
    return _Form(code, channels, rate, bits)


def _require_short(size: int, form: _Form) -> None:
    seconds = size // (form.channels * form.bits // 8) / form.rate
    if seconds > _SECONDS:
        raise ValueError(f"{seconds:,.0f} s long; allowed are {_SECONDS} s. Cut it into shorter ones")
    if size > _LARGEST:
        raise ValueError(f"{size / 1e6:,.0f} MB of sound; allowed are {_LARGEST / 1e6:,.0f}. Cut or resample it")


def _decoded(body: bytes, form: _Form) -> Wave:
    import numpy as np

    width = form.channels * form.bits // 8
    count = len(body) // width
    if not count:
        raise ValueError("holds no sound: not a single sample. Record it again, or remove it")
    raw = np.frombuffer(body, np.uint8, count * width)
    values = _scaled(raw, form).reshape(count, form.channels)
    if not np.isfinite(values).all():
        raise ValueError("holds floats that are no numbers (NaN or infinity). Write it again")
    return Wave(values, form.rate)


def _scaled(raw: "NDArray[np.uint8]", form: _Form) -> "NDArray[np.float32]":
    """Samples of any width, as float32 where 32768 is full scale; those of 16 bits are what they were."""
    import numpy as np

    if form.code == _FLOAT:
        return (raw.view(f"<f{form.bits // 8}") * 32768).astype(np.float32)
    if form.bits == 8:  # the one width without a sign
        return (raw.astype(np.float32) - 128) * 256
    if form.bits == 24:
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = raw.reshape(-1, 3)
        return (padded.reshape(-1).view("<i4") / 65536).astype(np.float32)
    integers = raw.view(f"<i{form.bits // 8}")
    return (integers / 2 ** (form.bits - 16)).astype(np.float32)
