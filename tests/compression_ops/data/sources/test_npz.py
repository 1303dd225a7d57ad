"""A user's own arrays."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.sources import npz
from compression_ops.errors import DataError

_Array = "np.ndarray[Any, Any]"
_PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 7), np.uint8)
_LABELS = np.array([0, 1, 2, 0, 1, 2])


def _spec(path: Path, **fields: Any) -> npz.NPZ:
    return npz.NPZ.model_validate({"source": "npz", "path": str(path), **fields})


def _read(tmp_path: Path, **arrays: Any) -> RawData:
    path = tmp_path / "arrays.npz"
    np.savez(path, **arrays)
    root = npz.locate(_spec(path), [])
    assert root == path
    assert npz.files(_spec(path), root) == [path]
    return npz.read(_spec(path), root)


def test_images_and_labels_are_those_written(tmp_path: Path) -> None:
    raw = _read(tmp_path, images=_PIXELS, labels=_LABELS)
    np.testing.assert_array_equal(raw.train.values[:, 0], _PIXELS)
    np.testing.assert_array_equal(raw.train.labels, _LABELS)
    assert (raw.train.values.dtype, raw.train.labels.dtype) == (np.uint8, np.int64)
    assert (raw.test, raw.classes, raw.warnings) == (HoldOut(0.2), ("0", "1", "2"), ())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_may_stand_first_or_last(tmp_path: Path, channels: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (6, channels, 5, 7), np.uint8)
    first = _read(tmp_path, images=images, labels=_LABELS)
    last = _read(tmp_path, images=images.transpose(0, 2, 3, 1), labels=_LABELS)
    for raw in (first, last):
        np.testing.assert_array_equal(raw.train.values, images)
        assert raw.train.values.flags.c_contiguous


def test_arrays_as_keras_stores_them_are_read(tmp_path: Path) -> None:
    raw = _read(tmp_path, x_train=_PIXELS, y_train=_LABELS[:, None], x_test=_PIXELS[:3], y_test=_LABELS[:3, None])
    assert isinstance(raw.test, Samples)
    np.testing.assert_array_equal(raw.test.values[:, 0], _PIXELS[:3])
    assert raw.test.labels.tolist() == [0, 1, 2]


def test_arrays_as_medmnist_stores_them_are_read_and_its_validation_joins_training(tmp_path: Path) -> None:
    arrays = {
        f"{split}_images": _PIXELS[low:high] for split, low, high in (("train", 0, 3), ("val", 3, 5), ("test", 5, 6))
    }
    arrays |= {
        f"{split}_labels": _LABELS[low:high] for split, low, high in (("train", 0, 3), ("val", 3, 5), ("test", 5, 6))
    }
    raw = _read(tmp_path, **arrays)
    assert isinstance(raw.test, Samples)
    np.testing.assert_array_equal(raw.train.values[:, 0], _PIXELS[:5])
    np.testing.assert_array_equal(raw.train.labels, _LABELS[:5])
    assert raw.test.labels.tolist() == [2]


def test_class_names_are_taken_where_given(tmp_path: Path) -> None:
    assert _read(tmp_path, images=_PIXELS, labels=_LABELS, classes=["cat", "dog", "owl"]).classes == (
        "cat",
        "dog",
        "owl",
    )


def test_arrays_of_other_names_are_left_alone(tmp_path: Path) -> None:
    raw = _read(tmp_path, images=_PIXELS, labels=_LABELS, notes=np.array([{"by": "me"}], dtype=object))
    assert len(raw.train) == 6


# --- pixels


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16, np.uint64])
def test_other_integers_are_taken_where_they_fit_a_byte(tmp_path: Path, kind: Any) -> None:
    images = (_PIXELS // 2).astype(kind)
    raw = _read(tmp_path, images=images, labels=_LABELS)
    np.testing.assert_array_equal(raw.train.values[:, 0], images)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_that_are_bytes_over_255_come_back_exactly_and_without_a_warning(tmp_path: Path, kind: Any) -> None:
    raw = _read(tmp_path, images=(_PIXELS / 255).astype(kind), labels=_LABELS)
    np.testing.assert_array_equal(raw.train.values[:, 0], _PIXELS)
    assert raw.warnings == ()


def test_floats_between_the_levels_are_rounded_and_that_is_told(tmp_path: Path) -> None:
    images = np.linspace(0, 1, 6 * 35).reshape(6, 5, 7)
    raw = _read(tmp_path, images=images, labels=_LABELS)
    np.testing.assert_array_equal(raw.train.values[:, 0], np.rint(images * 255))
    assert "rounded to 256 levels" in raw.warnings[0]


def test_booleans_become_black_and_white(tmp_path: Path) -> None:
    raw = _read(tmp_path, images=_PIXELS > 99, labels=_LABELS)
    np.testing.assert_array_equal(raw.train.values[:, 0], np.where(_PIXELS > 99, 255, 0))


def _spoiled(value: float, kind: Any = np.float32) -> Any:
    images = (_PIXELS / 255).astype(kind) if np.issubdtype(kind, np.floating) else _PIXELS.astype(kind)
    images[2, 3, 4] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (_spoiled(np.nan), r"1 pixel\(s\) of type float32 outside 0 to 1, first at .* = \[2, 0, 3, 4\] with value nan"),
        (_spoiled(np.inf), r"\[2, 0, 3, 4\] with value inf"),
        (_spoiled(-np.inf, np.float16), r"\[2, 0, 3, 4\] with value -inf"),
        (_spoiled(1.001), r"\[2, 0, 3, 4\] with value 1\.001"),
        (_spoiled(-0.1, np.float64), r"\[2, 0, 3, 4\] with value -0\.1"),
        (_spoiled(256, np.int32), r"of type int32 outside 0 to 255.*\[2, 0, 3, 4\] with value 256"),
        (_spoiled(-1, np.int16), "with value -1"),
        (_PIXELS.astype(np.float32), "outside 0 to 1"),
        (_PIXELS.astype(np.complex64), "pixels of type complex64; allowed are"),
        (_PIXELS.astype("U3"), "pixels of type <U3; allowed are"),
        (_PIXELS[0], r"shape \[5, 7\] is not of images"),
        (_PIXELS[:, :, :, None, None], r"shape \[6, 5, 7, 1, 1\] is not of images"),
        (np.zeros((6, 5, 7, 5), np.uint8), r"shape \[6, 5, 7, 5\] is not of images"),
        (np.zeros((6, 3, 9, 3), np.uint8), r"shape \[6, 3, 9, 3\] could be channels first or last"),
        (np.uint8(3), r"shape \[\] is not of images"),
    ],
)  # fmt: skip
def test_wrong_pixels_are_refused_with_place_and_value(tmp_path: Path, images: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"arrays\.npz: images: .*{message}"):
        _read(tmp_path, images=images, labels=_LABELS)


def test_images_of_differing_shapes_are_refused_without_unpickling_them(tmp_path: Path) -> None:
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.zeros((2, 2)), np.zeros((3, 3))]
    with pytest.raises(DataError, match="Python objects, such as images of differing shapes"):
        _read(tmp_path, images=ragged, labels=_LABELS[:2])


class _Bomb:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("exploded"),)


def test_a_pickle_in_the_archive_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="Python objects"):
        _read(tmp_path, images=_PIXELS, labels=np.array([_Bomb()], dtype=object))
    assert not Path("exploded").exists()


def test_a_validation_part_of_another_shape_is_refused(tmp_path: Path) -> None:
    parts = {"train_images": _PIXELS, "test_images": _PIXELS, "val_images": _PIXELS[:, :4]}
    with pytest.raises(DataError, match=r"differing shapes: \(1, 5, 7\) in train_images, \(1, 4, 7\) in val_images"):
        _read(tmp_path, **parts, train_labels=_LABELS, test_labels=_LABELS, val_labels=_LABELS)


# --- labels, names, files


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (_LABELS.astype(float), r"labels: float64 \[6\]; allowed are integers"),
        (np.eye(6, dtype=int), r"labels: int64 \[6, 6\].*not one-hot"),
        (np.array(["a"] * 6), r"labels: <U1 \[6\]"),
        (np.array([0, 1, 2, 0, 1, 2**64 - 1], np.uint64), "label 18446744073709551615 is out of range"),
        (np.array([0, 1, 2, 0, 1, 10**12]), "largest label is 1000000000000 with 6 samples; a class would be empty"),
    ],
)
def test_wrong_labels_are_refused(tmp_path: Path, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(tmp_path, images=_PIXELS, labels=labels)


@pytest.mark.parametrize("classes", [[1, 2, 3], [["a", "b", "c"]], "abc"])
def test_class_names_must_be_a_row_of_strings(tmp_path: Path, classes: Any) -> None:
    with pytest.raises(DataError, match="allowed is one row of strings"):
        _read(tmp_path, images=_PIXELS, labels=_LABELS, classes=classes)


@pytest.mark.parametrize("names", [("images",), ("labels",), ("x_train", "y_train"), ("data", "target"), ()])
def test_missing_arrays_are_an_error_that_says_which_are_needed(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(
        DataError, match=rf"holds {', '.join(sorted(names)) or 'no array'}; needed are images, labels; or x"
    ):
        _read(tmp_path, **dict.fromkeys(names, _LABELS))


def _as_npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, _PIXELS)
    return buffer.getvalue()


def _archive(tmp_path: Path) -> bytes:
    np.savez_compressed(tmp_path / "good.npz", images=_PIXELS, labels=_LABELS)
    return (tmp_path / "good.npz").read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: b"",
        lambda good: b"no archive",
        lambda good: good[: len(good) // 2],
        lambda good: good[:150] + bytes(8) + good[158:],
        lambda good: _as_npy(),
        lambda good: b"cos\nsystem\n(S'false'\ntR.",
    ],
    ids=["empty", "no archive", "cut short", "bits flipped", "one npy array", "pickle"],
)  # fmt: skip
def test_a_file_that_is_no_complete_archive_is_refused(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "arrays.npz"
    path.write_bytes(damage(_archive(tmp_path)))
    with pytest.raises(DataError, match=r"arrays\.npz: .*Write it with numpy\.savez"):
        npz.read(_spec(path), path)


def test_members_of_an_archive_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "arrays.npz", "w") as archive:
        archive.writestr("images", b"no array")
    with pytest.raises(DataError, match=r"arrays\.npz: not a complete NumPy archive"):
        npz.read(_spec(tmp_path / "arrays.npz"), tmp_path / "arrays.npz")


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_whatever_byte_is_damaged_the_data_are_right_or_the_error_is_ours(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("npz")
    content = bytearray(_archive(folder))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    (folder / "arrays.npz").write_bytes(content)
    try:
        raw = npz.read(_spec(folder / "arrays.npz"), folder / "arrays.npz")
    except DataError:
        return
    np.testing.assert_array_equal(raw.train.values[:, 0], _PIXELS)
    np.testing.assert_array_equal(raw.train.labels, _LABELS)


def test_a_relative_path_is_also_looked_up_in_the_data_folders(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", images=_PIXELS)
    assert npz.locate(_spec(Path("arrays.npz")), [tmp_path / "other", tmp_path]) == tmp_path / "arrays.npz"
    assert npz.locate(_spec(tmp_path), []) is None


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("images", "labels"), {"patient": 12}),
        (("x_train", "y_train", "x_test", "y_test"), {"patient_train": 12, "patient_test": 12}),
        (("x_train", "y_train", "x_test", "y_test"), {"patient_train": 12}),
        (
            ("train_images", "train_labels", "test_images", "test_labels", "val_images", "val_labels"),
            {"train_patient": 12, "val_patient": 12},
        ),
    ],
)
def test_groups_stand_in_an_array_named_as_the_labels_are(
    tmp_path: Path, names: tuple[str, ...], groups: dict[str, int]
) -> None:
    arrays = {
        name: np.zeros((12, 8, 8), np.uint8) if index % 2 == 0 else np.arange(12) % 2
        for index, name in enumerate(names)
    }
    stated = {name: np.arange(count) // 3 for name, count in groups.items()}
    np.savez(tmp_path / "a.npz", **arrays, **stated)
    raw = npz.read(npz.NPZ(source="npz", path="a.npz", groups="patient"), tmp_path / "a.npz")
    assert raw.train.groups is not None
    assert raw.train.groups.tolist() == [str(i // 3) for i in range(12)] * (len(raw.train) // 12)
    assert npz.read(npz.NPZ(source="npz", path="a.npz"), tmp_path / "a.npz").train.groups is None
    with pytest.raises(DataError, match=r"dataset\.groups: .* has no array .*film.*; it holds .*patient"):
        npz.read(npz.NPZ(source="npz", path="a.npz", groups="film"), tmp_path / "a.npz")


def test_arrays_of_other_names_are_left_aside_and_named(tmp_path: Path) -> None:
    images, labels = np.zeros((6, 8, 8), np.uint8), np.arange(6) % 2
    np.savez(tmp_path / "data.npz", images=images, labels=labels, class_names=np.array(["a", "b"]))
    raw = npz.read(npz.NPZ(source="npz", path=str(tmp_path / "data.npz")), tmp_path / "data.npz")
    assert raw.classes == ("0", "1")
    assert "class_names in it mean nothing here" in raw.warnings[0]
    assert "names of classes are `classes`" in raw.warnings[0]
