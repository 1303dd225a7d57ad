"""A user's own images, labelled by a table."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.sources import image_folder, image_table
from compression_ops.errors import DataError

_BREEDS = ("pug", "beagle", "pug", "boxer", "beagle", "pug", "boxer", "boxer")


def _spec(**fields: Any) -> image_table.ImageTable:
    stated = {"path": "labels.csv", "images": "../images", "file": "image", "label": "breed", "image_size": 8}
    return image_table.ImageTable.model_validate({"source": "image_table", **stated, **fields})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`meta/labels.csv`, to be written, and `images/0.png` to `7.png` of 9 x 11 pixels, each another noise."""
    for folder in ("meta", "images"):
        (tmp_path / folder).mkdir()
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (9, 11, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    return tmp_path / "meta" / "labels.csv"


def _table(root: Path, header: str, rows: Sequence[Sequence[Any]]) -> Path:
    with root.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return root


def _labelled(root: Path) -> Path:
    return _table(root, "image,breed", [(f"{number}.png", breed) for number, breed in enumerate(_BREEDS)])


def _refusal(root: Path, **fields: Any) -> str:
    with pytest.raises(DataError) as told:
        image_table.read(_spec(**fields), root)
    return str(told.value)


def _samples(samples: Samples | HoldOut) -> Samples:
    assert isinstance(samples, Samples)
    return samples


def test_pictures_and_labels_are_those_of_the_same_pictures_in_folders(root: Path, tmp_path: Path) -> None:
    for number, breed in enumerate(_BREEDS):
        (tmp_path / "folders" / breed).mkdir(parents=True, exist_ok=True)
        source = tmp_path / "images" / f"{number}.png"
        (tmp_path / "folders" / breed / source.name).write_bytes(source.read_bytes())
    folders = image_folder.ImageFolder(source="image_folder", path=".", image_size=8)
    theirs = image_folder.read(folders, tmp_path / "folders")
    ours = image_table.read(_spec(), _labelled(root))
    assert theirs.train.names is not None
    order = [_number(name) for name in theirs.train.names]
    np.testing.assert_array_equal(ours.train.values[order], theirs.train.values)
    np.testing.assert_array_equal(ours.train.labels[order], theirs.train.labels)
    assert (ours.classes, ours.test, ours.warnings) == (theirs.classes, HoldOut(0.2), ())


def _number(name: str) -> int:
    return int(Path(name).stem)


@pytest.mark.parametrize(
    "written", ["csv", "semicolons", "tabs", "bars", "marked", "windows", "parquet", "categorical"]
)
def test_a_table_that_pandas_writes_says_what_pandas_reads(root: Path, written: str) -> None:
    frame = pd.DataFrame({"image": [f"{n}.png" for n in range(8)], "note": 'a, "b"; c|d', "breed": _BREEDS})
    delimiter = {"semicolons": ";", "tabs": "\t", "bars": "|"}.get(written, ",")
    if written in ("parquet", "categorical"):
        frame.astype({"breed": "category"} if written == "categorical" else {}).to_parquet(root)
        read = pd.read_parquet(root)
    else:
        encoding = "utf-8-sig" if written == "marked" else "utf-8"
        ending = "\r\n" if written == "windows" else "\n"
        frame.to_csv(root, index=False, sep=delimiter, encoding=encoding, lineterminator=ending)
        read = pd.read_csv(root, sep=delimiter)
    found = image_table.read(_spec(), root)
    assert [found.classes[label] for label in found.train.labels] == read["breed"].tolist()
    assert found.train.names is not None
    assert found.train.names.tolist() == read["image"].tolist()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 1, 2, 10, 0, 1, 2, 10], ("0", "1", "2", "10")),
        ([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0], ("0", "1")),
        (["01", "1", "01", "1", "01", "1", "01", "1"], ("01", "1")),
        ([True, False] * 4, ("False", "True")),
        (["img10", "img2"] * 4, ("img2", "img10")),
        (["None", "nan", "None", "nan", "None", "nan", " nan", "None "], ("nan", "None")),
        (["café", "thé"] * 4, ("café", "thé")),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_are_names_in_natural_order_and_whole_numbers_have_no_point(
    root: Path, labels: list[Any], classes: tuple[str, ...], suffix: str
) -> None:
    frame = pd.DataFrame({"image": [f"{n}.png" for n in range(8)], "breed": labels})
    frame.to_csv(root, index=False) if suffix == "csv" else frame.to_parquet(root)
    raw = image_table.read(_spec(), root)
    assert raw.classes == classes
    assert raw.train.labels.tolist() == [classes.index(_as_text(label)) for label in labels]


def _as_text(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) else str(label).strip()


def test_names_may_lack_their_ending_or_be_those_of_windows(root: Path, tmp_path: Path) -> None:
    (tmp_path / "images" / "deep").mkdir()
    (tmp_path / "images" / "0.png").rename(tmp_path / "images" / "deep" / "IMG_0.v2.PNG")
    (tmp_path / "images" / "1.txt").write_text("a note beside 1.png")
    names = ["deep\\img_0.v2", "1", ".\\2.png", "./3.png", "..\\images\\4.PNG", tmp_path / "images" / "5.png", "6", "7"]
    _table(root, "image,breed", list(zip(names, _BREEDS, strict=True)))
    raw = image_table.read(_spec(), root)
    assert raw.train.names is not None
    assert raw.train.names.tolist() == ["deep/IMG_0.v2.PNG", *(f"{number}.png" for number in range(1, 8))]
    assert raw.warnings == ()
    (tmp_path / "images" / "1.jpg").write_bytes((tmp_path / "images" / "1.png").read_bytes())
    assert "1 (line 3): 1.jpg, 1.png" in _refusal(root)


def test_a_name_without_ending_is_the_picture_that_is_written_so(root: Path, tmp_path: Path) -> None:
    (tmp_path / "images" / "0.png").rename(tmp_path / "images" / "aB.png")
    (tmp_path / "images" / "1.png").rename(tmp_path / "images" / "Ab.png")
    (tmp_path / "images" / "2.CR2").write_bytes(b"what the camera wrote beside 2.png")
    rows = list(zip(["aB", "Ab", "2", "3", "4", "5", "6", "7"], _BREEDS, strict=True))
    raw = image_table.read(_spec(), _table(root, "image,breed", rows))
    assert _names(raw.train)[:3] == ["aB.png", "Ab.png", "2.png"]
    assert "ab (line 2): Ab.png, aB.png" in _refusal(_table(root, "image,breed", [("ab", "pug"), *rows[2:]]))


def test_a_column_of_splits_parts_the_rows_and_validation_joins_train(root: Path) -> None:
    splits = ["Train", "train", "Train", "val", "TEST", "test", "testing", "train"]
    numbered = zip(range(8), ["a", "b"] * 4, splits, strict=True)
    raw = image_table.read(_spec(split="part"), _table(root, "image,breed,part", list(numbered)))
    assert [_number(name) for name in _names(raw.train)] == [0, 1, 2, 3, 7]
    assert [_number(name) for name in _names(_samples(raw.test))] == [4, 5, 6]
    assert any("joined those of train" in warning for warning in raw.warnings)


def _names(samples: Samples) -> list[str]:
    assert samples.names is not None
    return samples.names.tolist()


def test_a_split_without_labels_is_left_out_and_validation_alone_is_the_test_split(root: Path) -> None:
    splits = ["train"] * 4 + ["val"] * 2 + ["predict"] * 2
    labels = ["a", "b", "a", "b", "a", "b", "", ""]
    rows = list(zip(range(8), labels, splits, strict=True))
    raw = image_table.read(_spec(split="part"), _table(root, "image,breed,part", rows))
    assert (len(raw.train), len(_samples(raw.test))) == (4, 2)
    told = " ".join(raw.warnings)
    assert "2 row(s) of a split without labels" in told
    assert "no test split" in told
    assert "no row names" not in told


def test_groups_are_those_of_the_column_and_may_not_stand_in_train_and_test(root: Path) -> None:
    patients = ["A", "a", "b", "b", "c", "c", "d", "d"]
    splits = ["train"] * 5 + ["test"] * 3
    rows = list(zip(range(8), ["x", "y"] * 4, patients, splits, strict=True))
    _table(root, "image,breed,patient,part", rows)
    groups = image_table.read(_spec(groups="patient"), root).train.groups
    assert groups is not None
    assert pd.factorize(groups)[0].tolist() == pd.factorize(pd.Series(patients).str.lower())[0].tolist()
    told = _refusal(root, groups="patient", split="part")
    assert "dataset.groups: 1 group(s) stand in train and in test" in told
    assert "labels.csv" in told
    assert "c: lines 6-7" in told


def test_rows_that_repeat_are_taken_once_and_rows_that_contradict_are_refused_with_all_lines(root: Path) -> None:
    rows = [(number, breed) for number, breed in enumerate(_BREEDS)]
    raw = image_table.read(_spec(), _table(root, "image,breed", [*rows, ("3.png", "boxer"), ("0", "pug")]))
    assert len(raw.train) == 8
    assert any("2 row(s) repeat" in warning and "lines 10-11" in warning for warning in raw.warnings)
    told = _refusal(_table(root, "image,breed", [*rows, ("3.png", "pug"), ("0", "pug"), ("1", "pug"), ("1", "pug")]))
    assert "2 file(s) stand in several rows" in told
    assert "(lines 3, 5, 10, 12-13)" in told
    assert "1.png: beagle on line 3; pug on lines 12-13" in told


def test_all_rows_without_a_file_or_a_label_are_named(root: Path) -> None:
    rows = [(number, breed) for number, breed in enumerate(_BREEDS)]
    told = _refusal(_table(root, "image,breed", [*rows, *((f"gone{n}.png", "pug") for n in range(30))]))
    assert "30 of 38 row(s) name a file that is not in" in told
    assert "gone0.png (line 10)" in told
    assert "and 10 more" in told
    emptied = [(number, "" if number in (1, 2, 3, 6) else breed) for number, breed in rows]
    assert "have no breed: lines 3-5, 8." in _refusal(_table(root, "image,breed", emptied))
    assert "have no image: line 10." in _refusal(_table(root, "image,breed", [*rows, ("", "pug")]))


def test_pictures_that_no_row_names_are_counted(root: Path) -> None:
    _table(root, "image,breed", [(number, breed) for number, breed in enumerate(_BREEDS[:6])])
    (warning,) = image_table.read(_spec(), root).warnings
    assert "2 picture(s) that no row names were left out: 6.png, 7.png." in warning


def test_a_damaged_picture_is_refused_as_in_folders(root: Path, tmp_path: Path) -> None:
    (tmp_path / "images" / "3.png").write_bytes((tmp_path / "images" / "3.png").read_bytes()[:60])
    assert "1 image(s) cannot be decoded" in _refusal(_labelled(root))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty table"),
        (b"image,breed\n\n,\n", "a table without rows"),
        (b"image,breed\n0,a\n1,a\n", "says 'a' in all 2 row(s)"),
        (b"image,breed\n0,0.5\n1,1.5\n2,7\n", "3 different numbers that are not all whole, first 0.5 on line 2"),
        (b"image,breed\n0,a\n1,b\n2,c\n", "something else in each of 3 rows"),
        (b"image,bred\n0,a\n1,b\n", "did you mean `bred`?"),
        (b"image;kind\n0;a\n1;b\n", "has no column 'breed'. It has:\n  image\n  kind"),
        (b"image,breed,breed\n0,a,a\n1,b,b\n", "several columns are named breed"),
        (b"image,breed\n0,a\n1,b,c\n2,b\n3,d,e\n", "2 row(s) do not have 2 entries"),
        (b"image,breed\n0,a\n1,caf\xe9\n", "line 3: the byte 0xE9 is no UTF-8 (in Windows-1252 it is \xe9)"),
        ("image,breed\n0,a\n1,b\n".encode("utf-16"), "is UTF-16"),
        (b"PK\x03\x04 a workbook", "an Excel workbook"),
        (b"image,breed\n0,a\0\n1,b\n", "line 2: the byte 0x00"),
        (b'image,breed\n0,a\n1,"b\n2,a\n', "line 3: unexpected end of data"),
        (b"PAR1 and nothing else", "not a Parquet file that can be read"),
    ],
)
def test_what_is_no_table_of_pictures_is_told_in_words(root: Path, content: bytes, words: str) -> None:
    root.write_bytes(content)
    assert words in _refusal(root)


def test_a_column_of_pictures_themselves_is_refused(root: Path) -> None:
    pd.DataFrame({"image": [{"bytes": b"x"}] * 2, "breed": ["a", "b"]}).to_parquet(root)
    assert "neither text nor numbers" in _refusal(root)


def test_lines_are_those_of_the_file_though_entries_hold_line_ends(root: Path) -> None:
    root.write_text('note,image,breed\n"two\nlines",0,a\n\n"x",1,\n"y\n\nz",2,\nw,3,b\n')
    assert "have no breed: lines 5-6." in _refusal(root)
    root.write_text("sep=;\nimage;breed\n0;a\n1;\n")
    assert "have no breed: line 4." in _refusal(root)


def test_its_files_are_the_table_and_what_it_names(root: Path, tmp_path: Path) -> None:
    _table(root, "image,breed", [(number, breed) for number, breed in enumerate(_BREEDS[:6])])
    for images in ("../images", str(tmp_path / "images")):
        spec = _spec(images=images)
        files = image_table.files(spec, root)
        assert {file.resolve() for file in files} == {root, *(tmp_path / "images" / f"{n}.png" for n in range(6))}
        assert all(file.is_relative_to(root.parent) for file in files), "as the digest of raw data needs"
        assert len(files) == 7
        assert image_table.locate(spec.model_copy(update={"path": str(root)}), ()) == root
    gone = _spec(images="../nowhere", path=str(root))
    assert image_table.locate(gone, ()) is None
    assert "dataset.images" in _refusal(root, images="../nowhere")


def test_by_default_names_are_relative_to_the_tables_own_folder(root: Path, tmp_path: Path) -> None:
    table = _table(tmp_path / "images" / "labels.tsv", "image,breed", list(enumerate(_BREEDS)))
    raw: RawData = image_table.read(_spec(images=None), table)
    assert (len(raw.train), raw.warnings) == (8, ())
