"""What takes more memory than there is is refused before it is read; what fits is not, and what fits alone waits."""

import struct
import threading
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

from compression_ops.data.formats import image_file, wave_file
from compression_ops.data.recordings import reading
from compression_ops.data.sources import image_folder, npz, text_folder, wav_folder
from compression_ops.data.storage import memory
from compression_ops.data.tables import table_file
from compression_ops.data.tables.reading import columns
from compression_ops.errors import CompressionError, MemoryLimitError
from tests.faults.hostile.bounded import attempt

_MB = 10**6
_SIGNAL = npz.NPZ(source="npz", path="x", samples="signal", rate=8000)


@pytest.mark.parametrize(
    ("stated", "count"), [("8GB", 8e9), ("500 MB", 5e8), ("16GiB", 16 * 2**30), ("1.5kB", 1500), ("123456", 123456)]
)
def test_a_limit_is_stated_in_bytes(stated: str, count: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.SETTING, stated)
    memory.require("a", min(int(count), 32 * 2**20))
    if count > 40 * _MB:
        memory.require("a", int(count))
        with pytest.raises(
            MemoryLimitError, match=rf"^a: reading it takes about .*COMPRESSION_MEMORY allows {stated}\. .*"
        ):
            memory.require("a", int(count) + 1)


@pytest.mark.parametrize("stated", ["much", "-1GB", "8 GBit", "nan"])
def test_a_limit_that_is_none_is_told(stated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.SETTING, stated)
    with pytest.raises(CompressionError, match=r"COMPRESSION_MEMORY is '.*'\n  allowed: bytes, such as 8GB"):
        memory.require("a", 10**9)


def test_without_one_it_is_what_the_machine_has_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.SETTING, raising=False)
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total = 1024 * int(lines["MemTotal"].split()[0])
    with pytest.raises(
        MemoryLimitError,
        match=r"a: reading it takes about .* of memory, .* of this machine's or its container's are free\. Make",
    ):
        memory.require("a", total)
    memory.require("a", 100 * _MB)


def test_a_containers_limit_counts_and_what_its_system_may_drop_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel's documentation of both versions of control groups lays the files out."""
    for folder, limit, use, total in (
        (tmp_path / "outer", "memory.max", "memory.current", ""),
        (tmp_path / "memory" / "outer", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        inner = folder / "inner"
        inner.mkdir(parents=True)
        (folder / limit).write_text("900\n")
        (folder / use).write_text("800\n")
        (folder / "memory.stat").write_text(f"anon 650\n{total}active_file 50\n{total}inactive_file 100\n")
        (inner / limit).write_text("max\n")
        (inner / use).write_text("1\n")
        (inner / "memory.stat").write_text("anon 1\n")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    groups = tmp_path / "cgroup"
    groups.write_text("5:cpu:/elsewhere\n4:memory:/outer/inner\n0::/outer/inner\n")
    monkeypatch.setattr(memory, "_OWN_GROUPS", groups)
    assert list(memory._of_groups()) == [250.0, 250.0]  # pyright: ignore[reportPrivateUsage]


def test_what_is_there_already_counts_in_a_stated_limit_and_not_in_what_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever does as the refusal says is not refused again."""
    monkeypatch.delenv(memory.SETTING, raising=False)
    monkeypatch.setattr(memory, "_free", lambda: 100 * _MB)
    memory.require("a", 900 * _MB, there=800 * _MB)
    with pytest.raises(
        MemoryLimitError, match=r"about 900 MB .* 100 MB .* beside the 700 MB that .*MEMORY=990MB"
    ) as told:
        memory.require("a", 900 * _MB, there=700 * _MB)
    monkeypatch.undo()
    monkeypatch.setenv(memory.SETTING, str(told.value).split("MEMORY=")[1].split()[0])
    memory.require("a", 900 * _MB, there=700 * _MB)
    monkeypatch.setenv(memory.SETTING, "899MB")
    with pytest.raises(MemoryLimitError, match=r"about 900 MB of memory, .* allows 899MB\. "):
        memory.require("a", 900 * _MB, there=700 * _MB)


@pytest.mark.parametrize(("rows", "width", "size"), [(1_500, 400, r"4\.9\d"), (150_000, 4, r"14\.\d")])
def test_a_table_is_asked_for_by_its_numbers_long_or_wide(
    rows: int, width: int, size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 bytes a number, 64 a row."""
    names, row = ",".join(f"c{number}" for number in range(width)), ",".join("7" * width)
    (tmp_path / "a.csv").write_text(f"{names}\n" + f"{row}\n" * rows)
    monkeypatch.setattr(memory, "_LITTLE", 0)
    monkeypatch.setattr(columns, "_BATCH", 0)
    monkeypatch.setenv(memory.SETTING, "4MB")
    with pytest.raises(MemoryLimitError, match=rf"a\.csv: reading it takes about {size} MB"):
        table_file.read(tmp_path / "a.csv", texts=())


def test_each_different_text_of_a_parquet_file_is_held_once_whichever_kind_of_text_it_is(tmp_path: Path) -> None:
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        parquet.write_table(pa.table({"a": pa.array(["x" * 99, None, "x" * 99], kind)}), tmp_path / "t.parquet")
        first, empty, third = table_file.read(tmp_path / "t.parquet").columns["a"]
        assert (first, empty) == ("x" * 99, "")
        assert first is third, kind


@pytest.mark.parametrize(("stated", "words"), [("40MB", "allows 40MB"), ("much", "is 'much'")])
def test_what_lacks_room_is_told_as_such_and_not_as_damage(
    stated: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("L", (2000, 2000)).save(tmp_path / "pictures" / name / "1.png")
        (tmp_path / "sound" / name).mkdir(parents=True)
        _wave(tmp_path / "sound" / name / "1.wav")
    monkeypatch.setenv(memory.SETTING, stated)
    fields = {"path": "x", "image_size": 8, "channels": 1}
    pictures = image_folder.ImageFolder.model_validate({"source": "image_folder", **fields})
    sound = wav_folder.WavFolder.model_validate({"source": "wav_folder", "path": "x", "rate": 8000, "seconds": 1})
    for read in (
        lambda: image_folder.read(pictures, tmp_path / "pictures"),
        lambda: wav_folder.read(sound, tmp_path / "sound"),
    ):
        with pytest.raises(CompressionError, match=words) as caught:
            read()
        assert "cannot be" not in str(caught.value)


def test_what_fits_alone_waits_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.SETTING, "100MB")
    held, most, lock = [0], [0], threading.Lock()
    met = threading.Barrier(2, timeout=10)

    def read(size: int, meets: bool) -> None:
        with memory.held("a", size):
            with lock:
                held[0] += size
                most[0] = max(most[0], held[0])
            if meets:
                met.wait()
            with lock:
                held[0] -= size

    sizes = [(45 * _MB, True), (50 * _MB, True), *[(60 * _MB, False)] * 6]
    threads = [threading.Thread(target=read, args=each) for each in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert most[0] == 95 * _MB, "two at a time where they fit"


def _wave(path: Path) -> None:
    body = np.random.default_rng(0).integers(-30_000, 30_000, 6_000_000).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 48_000, 1, 1, 16)
    head = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body))
    path.write_bytes(head + body)


def _archive(path: Path, **arrays: NDArray[Any]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.save(stream, array)


def _write(folder: Path) -> None:
    draw = np.random.default_rng(0)
    for mode in ("RGB", "RGBA", "I;16"):
        size = (3000, 3000)
        pixels = draw.integers(0, 255, (*size, len(mode)) if mode != "I;16" else size, np.uint8)
        image = Image.fromarray(pixels.squeeze() if mode != "I;16" else pixels.astype(np.uint16) * 257)
        image.save(folder / f"{mode[:4].replace(';', '')}.tiff")
    text = "".join(f"{a:.4f},{b},text{c}\n" for a, b, c in draw.integers(0, 10**6, (150_000, 3)).tolist())
    (folder / "table.csv").write_text(f"a,b,c\n{text}")
    parquet.write_table(pa.table({"a": draw.normal(size=400_000), "b": ["x", "yy"] * 200_000}), folder / "t.parquet")
    for number in range(3):
        (folder / "texts" / str(number)).mkdir(parents=True)
        (folder / "texts" / str(number) / "a.txt").write_text("some words to read " * 500_000)
    labels = np.arange(20_000) % 4
    _archive(folder / "table.npz", images=draw.normal(size=(20_000, 300)), labels=labels)
    _archive(folder / "sound.npz", images=draw.uniform(-1, 1, (1_000, 8_000)), labels=np.arange(1_000) % 4)
    _archive(folder / "ids.npz", images=draw.integers(1, 99, (20_000, 300), np.int32), labels=labels)
    _wave(folder / "long.wav")


def _cases(folder: Path) -> dict[str, Callable[[], object]]:
    texts = text_folder.TextFolder(source="text_folder", path=str(folder / "texts"))
    read: dict[str, Callable[[], object]] = {
        "wav": lambda: wave_file.decode(folder / "long.wav"),
        "recording": lambda: reading.recordings(folder / "long.wav", 48_000, 48_000),
        "recording of a lower rate": lambda: reading.recordings(folder / "long.wav", 16_000, 16_000),
        "recording of a higher rate": lambda: reading.recordings(folder / "long.wav", 96_000, 96_000),
        "csv": lambda: table_file.read(folder / "table.csv"),
        "parquet": lambda: table_file.read(folder / "t.parquet"),
        "texts": lambda: text_folder.read(texts, folder / "texts"),
        "npz table": lambda: npz.read(npz.NPZ(source="npz", path="x", samples="table"), folder / "table.npz"),
        "npz signal": lambda: npz.read(
            npz.NPZ(source="npz", path="x", samples="signal", rate=8000), folder / "sound.npz"
        ),
        "npz tokens": lambda: npz.read(npz.NPZ(source="npz", path="x", samples="tokens"), folder / "ids.npz"),
    }
    for file in sorted(folder.glob("*.tiff")):
        read[file.name] = lambda file=file: image_file.decode(file, 64, 3)
    return read


@pytest.mark.slow
def test_what_is_asked_for_is_what_reading_takes_and_not_many_times_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured in a process of its own: the most that its memory grew by."""
    made = attempt(lambda: _write(tmp_path), 120)  # elsewhere, so that what is freed here is not used again
    assert made.words == "accepted", made
    cases, wrong, asked = _cases(tmp_path), dict[str, tuple[float, float]](), tmp_path / "asked"
    original = memory.held

    def held(where: str, needed: int, *rest: Any) -> AbstractContextManager[None]:
        with asked.open("a") as file:
            file.write(f"{needed}\n")
        return original(where, needed, *rest)

    monkeypatch.setattr(memory, "held", held)
    for name, read in cases.items():
        asked.write_text("")
        ended = attempt(read)
        assert ended.words == "accepted", (name, ended)
        most = max(map(int, asked.read_text().split())) / 2**20
        if not ended.megabytes - 60 <= most <= 6 * ended.megabytes + 60:
            wrong[name] = (ended.megabytes, most)
    assert wrong == {}
