"""Data whose heads lie, archives that are bombs, and trained weights that claim what they are not: refused in words,
before what they tell of is allocated.
"""

import gzip
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from pyarrow import parquet

from compression_ops.data.formats import idx, image_file, wave_file
from compression_ops.data.sources import npz, text_folder
from compression_ops.data.storage import memory
from compression_ops.data.tables import table_file
from compression_ops.models import weights
from compression_ops.onnx_model import frozen
from tests.faults.conftest import Tell
from tests.faults.hostile.bounded import assert_refused, attempt

Case = tuple[Callable[[], object], str]
_ZEROS = bytes(1 << 24)
_TIMES = 32  # so many of them are half a gigabyte
# What is said of what is as large as it says: before any of it is read.
_LIMIT, _ASKED = "240MB", "of memory, by what it says of itself; COMPRESSION_MEMORY allows 240MB"


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(b"x")), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _pictures(folder: Path) -> Mapping[str, Case]:
    jpeg = bytes.fromhex("ffd8ffc0000b08ffdcffdc01011100ffda0008010100003f00") + b"\0" * 99 + b"\xff\xd9"
    bitmap = b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0)
    files = {
        "png": _png(40_000, 40_000),
        "gif": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + bytes(99),
    }
    files |= {"jpg": jpeg, "bmp": bitmap, "ppm": b"P6 60000 60000 255\n", "png ": _png(2**31 - 1, 2**31 - 1)}
    paths = {end: _written(folder / f"{len(end)}.{end.strip()}", content) for end, content in files.items()}
    sparse = _written(folder / "sparse.png", b"\x89PNG")
    os.truncate(sparse, 8 << 30)
    cases = {f"{end} of gigapixels": (_decoded(path), "pixels, as its head says") for end, path in paths.items()}
    large = _written(folder / "large.png", _png(13_000, 13_000))
    cases["a png of 169 million pixels"] = (_decoded(large), _ASKED)
    return cases | {"a png of 8 GB that is none": (_decoded(sparse), "not in an image format")}


def _decoded(path: Path) -> Callable[[], object]:
    return lambda: image_file.decode(path, 8, 3)


def _indexed(folder: Path) -> Mapping[str, Case]:
    lies = _written(folder / "lies", bytes((0, 0, 8, 3)) + b"\xff" * 12)
    small = gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">III", 1, 1, 1))
    bomb = _written(folder / "bomb.gz", small + gzip.compress(_ZEROS, 9) * _TIMES)
    head = gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">III", 8192, 256, 256))
    honest = _written(folder / "honest.gz", head + gzip.compress(_ZEROS, 9) * _TIMES)
    return {
        "idx that is 512 MB": (lambda: idx.read(honest, 3), _ASKED),
        "idx of 2^96 pixels": (lambda: idx.read(lies, 3), "expected 79,228,162,458,924"),
        "idx unpacked to 512 MB": (lambda: idx.read(bomb, 3), "more than 17 bytes; expected 17"),
    }


def _waves(folder: Path) -> Mapping[str, Case]:
    def wave(name: str, channels: int, size: int, data: bytes, codec: int = 1) -> Path:
        form = struct.pack("<HHIIHH", codec, channels, 8000, 1, 1, 16)
        head = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size)
        return _written(folder / f"{name}.wav", head + data)

    lies, wide = wave("lies", 1, 0xFFFFFFF0, b"\0" * 100), wave("wide", 65535, 0xFFFFFFFF, b"\0" * 131070)
    long = wave("long", 2, 0xFFFFFFFF, b"")
    os.truncate(long, 19_000_000)
    endless = wave("endless", 1, 0xFFFFFFFF, b"")
    os.truncate(endless, 8 << 30)
    chunks = _written(folder / "chunks.wav", b"RIFF\0\0\0\0WAVE" + b"none\0\0\0\0" * 2_000_000)
    return {
        "wav whose size lies": (lambda: wave_file.decode(lies), "cut short: its header tells of 4,294,967,280"),
        "wav of 65,535 channels": (lambda: wave_file.decode(wide), "65535 channel(s)"),
        "wav of ten minutes": (lambda: wave_file.decode(long), "accepted"),
        "wav of 8 GB": (lambda: wave_file.decode(endless), "268,435 s long"),
        "wav of two million chunks": (lambda: wave_file.decode(chunks), "holds no sound"),
    }


def _array(shape: str, dtype: str, body: bytes = b"", version: int = 1) -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text) if version == 1 else 0xFFFFFFF0)
    return b"\x93NUMPY" + bytes((version, 0)) + size + text + body


def _archives(folder: Path) -> Mapping[str, Case]:
    labels, images = _array("(10,)", "<i8", bytes(80)), _array("(10, 8, 8)", "|u1", bytes(640))
    zeros = len(_ZEROS) * _TIMES
    members = {
        "a shape that lies": ({"images": _array("(1000000000, 1000, 1000)", "|u1")}, "expected 1,000,000,000,000,000"),
        "a negative shape": ({"images": _array("(-1, 8, 8)", "|u1")}, "expected -64"),
        "an axis of nothing": ({"images": _array(f"({2**62}, 0, 8)", "|u1")}, "for its shape"),
        "names of nothing": ({"classes": _array(f"({2**33},)", "<U0")}, "for its shape"),
        "objects": ({"images": _array("(10, 8, 8)", "|O", bytes(640))}, "an array of Python objects"),
        "a head that is code": ({"images": _array("__import__('os').system('touch evil')", "|u1")}, "not a complete"),
        "a head without end": ({"images": _array("(" * 5000, "|u1")}, "not a complete NumPy archive"),
        "a head of 4 GB": ({"images": (_array("()", "|u1", version=2), _TIMES)}, "4,294,967,280 bytes; allowed"),
        "labels of 512 MB": ({"labels": (_array(f"({zeros // 8},)", "<i8"), _TIMES)}, "10 samples in images and"),
        "names of 512 MB": ({"classes": (_array(f"({zeros // 4},)", "<U1"), _TIMES)}, "no more of them than samples"),
        "a name of 512 MB": ({"classes": (_array("(1,)", f"<U{zeros // 4}"), _TIMES)}, "of at most 1,000 characters"),
    }
    cases: dict[str, Case] = {}
    for number, (name, (replaced, words)) in enumerate(members.items()):
        path = folder / f"{number}.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member, content in ({"images": images, "labels": labels} | replaced).items():
                head, times = content if isinstance(content, tuple) else (content, 0)
                with archive.open(f"{member}.npy", "w", force_zip64=True) as stream:
                    stream.write(head)
                    for _ in range(times):
                        stream.write(_ZEROS)
        spec = npz.NPZ(source="npz", path=str(path))
        cases[f"npz: {name}"] = (lambda spec=spec, path=path: npz.read(spec, path), words)
    for samples, dtype in (("table", "<f8"), ("signal", "<i2"), ("tokens", "<i8"), ("tokens", "<U1")):
        path, axis = folder / f"{samples}{dtype[1]}.npz", "" if dtype == "<U1" else " 64"
        rows = zeros // 4 // int(dtype[2]) // (64 if axis else 4)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("labels.npy", _array("(2,)", "<i8", bytes(16)))
            with archive.open("images.npy", "w", force_zip64=True) as stream:
                stream.write(_array(f"({rows},{axis})", dtype))
                for _ in range(_TIMES // 4):
                    stream.write(_ZEROS)
        stated = {"samples": samples, "rate": 8000 if samples == "signal" else None}
        spec = npz.NPZ.model_validate({"source": "npz", "path": "x", **stated})
        cases[f"npz of 134 MB: {samples} {dtype}"] = (lambda spec=spec, path=path: npz.read(spec, path), _ASKED)
    packed = folder / "packed.npz"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("images.npy", images)
    spec = npz.NPZ(source="npz", path=str(packed))
    return cases | {"npz: a packing of others": (lambda: npz.read(spec, packed), "packed as NumPy packs none")}


def _tables(folder: Path) -> Mapping[str, Case]:
    sparse = _written(folder / "sparse.csv", b"a,b\n")
    os.truncate(sparse, 8 << 30)
    rows = folder / "rows.parquet"
    parquet.write_table(pa.table({"a": pa.nulls(200_000_000)}), rows)
    parquet.write_table(pa.table({"a": [1, 2]}), folder / "good.parquet")
    footer = _written(folder / "foot.parquet", (folder / "good.parquet").read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1")
    wide = _written(folder / "wide.csv", b",".join([b"a"] * 100_000) + b"\n" + b",".join([b"1"] * 99_999) + b"\n")
    (folder / "texts" / "a").mkdir(parents=True)
    os.truncate(_written(folder / "texts" / "a" / "1.txt", b"a word"), 400_000_000)
    (folder / "texts" / "b").mkdir()
    _written(folder / "texts" / "b" / "2.txt", b"a word")
    texts = text_folder.TextFolder(source="text_folder", path="texts")
    many = _written(folder / "many.csv", b"a,b,c,d\n" + b"1,2,3,4\n" * 1_000_000)
    long = _written(folder / "long.csv", b"a,b\n" + b"1,2\n" * 6_000_000)
    text = _written(folder / "text.csv", b"a,b\n" + b"x" * 10**8)
    quote = _written(folder / "quote.csv", b'a,b\n"' + b"1,2\n" * 10_000_000)
    return {
        "csv of four million entries": (lambda: table_file.read(many), "accepted"),
        "csv of six million rows": (lambda: table_file.read(long), _ASKED),
        "csv of a row of 100 MB": (lambda: table_file.read(text), _ASKED),
        "csv of a quote that does not end": (lambda: table_file.read(quote), _ASKED),
        "csv of 8 GB of nothing": (lambda: table_file.read(sparse), "line 2: the byte 0x00 is no text"),
        "csv of 100,000 columns": (lambda: table_file.read(wide), "1 row(s) do not have 100000 entries"),
        "parquet of 200 million rows": (lambda: table_file.read(rows), _ASKED),
        "texts of 400 MB": (lambda: text_folder.read(texts, folder / "texts"), _ASKED),
        "parquet whose footer lies": (lambda: table_file.read(footer), "not a Parquet file that can be read"),
    }


def _safe(stated: object, body: int = 16, length: int | None = None) -> bytes:
    text = stated if isinstance(stated, bytes) else json.dumps(stated).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(body)


def _tensor(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


# What a pickle of protocol 2 says of `os.system("touch evil")`.
_CODE = b"\x80\x02cos\nsystem\nX\x0a\x00\x00\x00touch evil\x85R."


def _weights(folder: Path) -> Mapping[str, Case]:
    good = _tensor(0, 16, [4])
    safe = {
        "a header beyond its end": (_safe({"a": good}, length=1 << 40), "header too large"),
        "a header of 2^63 bytes": (_safe({"a": good}, length=1 << 63), "header too large"),
        "a tensor out of range": (_safe({"a": _tensor(0, 1600, [400])}), "not fully covered"),
        "tensors that overlap": (_safe({"a": good, "b": _tensor(8, 24, [4])}, 24), "invalid offset"),
        "a hole": (_safe({"a": _tensor(8, 24, [4])}, 24), "invalid offset"),
        "an end before its start": (_safe({"a": _tensor(16, 0, [4])}), "invalid offset"),
        "a shape that lies": (_safe({"a": _tensor(0, 16, [10**6, 10**6])}), "invalid shape"),
        "a shape that overflows": (_safe({"a": _tensor(0, 0, [2**63, 2])}, 0), "overflow"),
        "a type that is none": (_safe({"a": _tensor(0, 16, [4], "F33")}), "unknown variant"),
        "bytes of no tensor": (_safe({"a": good}, 160), "not fully covered"),
        "a header without end": (_safe(b"[" * 100_000), "no readable safetensors file"),
        "classes without end": (
            _safe({"__metadata__": {"classes": "[" * 100_000}, "a": good}),
            "allowed is a JSON list of names",
        ),
    }
    cases: dict[str, Case] = {}
    for number, (name, (content, words)) in enumerate(safe.items()):
        path = _written(folder / f"{number}.safetensors", content)
        cases[f"safetensors: {name}"] = (lambda path=path: weights.read(path), words)
    _written(folder / "bare.pt", _CODE)
    for name, packing, size in (("code.pt", zipfile.ZIP_STORED, 1), ("bomb.pt", zipfile.ZIP_DEFLATED, _TIMES)):
        with zipfile.ZipFile(folder / name, "w", packing) as archive:
            archive.writestr("archive/data.pkl", _CODE)
            archive.writestr("archive/version", "3\n")
            with archive.open("archive/data/0", "w", force_zip64=True) as stream:
                for _ in range(size):
                    stream.write(_ZEROS)
    _written(folder / "damaged.pt", (folder / "code.pt").read_bytes().replace(b"PK\x01\x02", b"PK\x01\x03"))
    told = {"code.pt": "run code that it brings", "bare.pt": "run code that it brings", "bomb.pt": "compressed entries"}
    told["damaged.pt"] = "an archive whose directory cannot be read"
    return cases | {name: (lambda path=folder / name: weights.read(path), words) for name, words in told.items()}


def _model(constant: TensorProto, size: tuple[int, int] | None = None) -> bytes:
    """Logits from `w`, which is an initializer; or where `size` says, of what is as large."""
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["l"])]
    if size is None:
        nodes.append(helper.make_node("Identity", ["l"], ["logits"]))
    else:
        stated = helper.make_tensor("s", TensorProto.INT64, [2], size)
        nodes += [helper.make_node("Constant", [], ["s"], value=stated), helper.make_node("Tile", ["f", "s"], ["t"])]
        nodes += [helper.make_node("ReduceSum", ["t"], ["r"]), helper.make_node("Add", ["l", "r"], ["logits"])]
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 2, 2])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 2])
    network = helper.make_graph(nodes, "g", [taken], [given], [constant])
    made = helper.make_model(network, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return made.SerializeToString()


def _constant(dims: tuple[int, int], raw: bytes, kind: int = TensorProto.FLOAT, where: str = "") -> TensorProto:
    found = TensorProto(name="w", data_type=kind, dims=dims)
    if not where:
        found.raw_data = raw
        return found
    found.data_location = TensorProto.EXTERNAL
    found.external_data.append(onnx.StringStringEntryProto(key="location", value=where))
    return found


def _models() -> Mapping[str, Case]:
    right = _constant((4, 2), bytes(32))
    files = {
        "weights of another file": (_model(_constant((4, 2), b"", where="../../etc/passwd")), "a file beside it"),
        "fewer bytes than its shape": (_model(_constant((4, 2), bytes(8))), "too small"),
        "a shape of 2^62 bytes": (_model(_constant((1 << 40, 1 << 20), bytes(8))), "too small"),
        "a negative shape": (_model(_constant((-4, 2), bytes(32))), "Negative dimension"),
        "a type that is none": (_model(_constant((4, 2), bytes(32), 99)), "does not run"),
        "16 GB on its way": (_model(right, (1 << 15, 1 << 15)), "does not run"),
        "a cut": (_model(right)[:-20], "no readable ONNX model"),
        "a length beyond its end": (b"\x0a\xff\xff\xff\xff\x0f" + b"x", "no readable ONNX model"),
        "nothing": (b"", "no readable ONNX model"),
    }
    return {
        f"onnx: {name}": (lambda content=content: frozen.build((1, 2, 2), 2).take(content, "m.onnx"), words)
        for name, (content, words) in files.items()
    }


@pytest.mark.slow
def test_files_that_lie_are_refused_in_words_and_in_little_time_and_memory(
    tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(memory.SETTING, _LIMIT)
    image_file.is_picture(_written(tmp_path / "any.png", _png(1, 1)))
    frozen.build((1, 2, 2), 2).take(_model(_constant((4, 2), bytes(32))), "m.onnx")  # what is right is accepted
    makers = (_pictures, _indexed, _waves, _archives, _tables, _weights)
    made = [*(make(tmp_path) for make in makers), _models()]
    cases = {name: case for found in made for name, case in found.items()}
    found = {name: attempt(read) for name, (read, _) in cases.items()}
    assert_refused(found, {name: words for name, (_, words) in cases.items()}, seconds=20, megabytes=250)
    worst = max(ended.megabytes for ended in found.values())
    assert not Path("evil").exists(), "no code of theirs was run"
    tell(f"{len(cases)} files that lie or are bombs, refused in words, in at most {worst:.0f} MB more memory")
