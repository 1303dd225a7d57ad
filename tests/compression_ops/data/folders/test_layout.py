"""How folders are laid out and named, on trees of empty files: nothing here is decoded."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compression_ops.data.folders import layout
from compression_ops.data.folders.pictures import PICTURES
from compression_ops.errors import DataError


def _grow(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def _read(root: Path) -> layout.Layout:
    return layout.read(root, PICTURES)


def _pairs(*splits: str) -> list[str]:
    return [f"{split}/{name}/{number}.png" for split in splits for name in ("cat", "dog") for number in range(2)]


def _told(found: layout.Layout, root: Path) -> tuple[list[str], list[str] | None]:
    """The files of training and of test, as they stand below the root."""
    train, test = (
        None if split is None else [labelled.file.relative_to(root).as_posix() for labelled in split]
        for split in (found.train, found.test)
    )
    assert train is not None
    return train, test


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("Training", "Testing"),
        ("training_set", "test_set"),
        ("trainset", "testset"),
        ("TrainingSet", "TestSet"),
        ("seg_train", "seg_test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("train-images", "test images"),
        ("01_train", "02_test"),
        ("train2017", "test2017"),
        ("train/images", "test/images"),
        ("archive/Data/train", "archive/Data/test"),
        ("train", "holdout"),
        ("train", "val"),
        ("training", "Validation"),
        ("train", "valid"),
    ],
)
def test_split_folders_of_any_usual_name_are_splits(tmp_path: Path, train: str, test: str) -> None:
    found = _read(_grow(tmp_path, *_pairs(train, test)))
    assert found.classes == ("cat", "dog")
    assert _told(found, tmp_path) == (_pairs(train), _pairs(test))


@pytest.mark.parametrize(
    "classes",
    [
        ("bus", "train"),
        ("steam_train", "test_tube"),
        ("trainer", "tester"),
        ("train", "bus/double_decker"),
        ("train/wagon", "bus/double_decker"),
        ("A", "a"),
    ],
)
def test_classes_named_a_little_like_splits_stay_classes(tmp_path: Path, classes: tuple[str, ...]) -> None:
    found = _read(_grow(tmp_path, *(f"{name}/{number}.png" for name in classes for number in range(2))))
    assert set(found.classes) == {name.partition("/")[0] for name in classes}
    assert (found.test, found.warnings) == (None, ())


def test_splits_may_stand_in_the_classes(tmp_path: Path) -> None:
    files = [f"{name}/{split}/{split}.png" for name in ("cat", "dog") for split in ("Test", "Train")]
    found = _read(_grow(tmp_path, *files))
    assert found.classes == ("cat", "dog")
    assert _told(found, tmp_path) == (files[1::2], files[::2])


@pytest.mark.parametrize("root", ["pets", "download/pets", "train", "__MACOSX/../pets"])
def test_a_folder_that_holds_one_folder_is_only_a_wrapper(tmp_path: Path, root: str) -> None:
    found = _read(_grow(tmp_path, *_pairs(root), "readme.txt", "licence/licence.txt", "lost+found/.x"))
    assert (found.classes, found.test) == (("cat", "dog"), None)
    assert "the class folders are those of" in found.warnings[0]


def test_pictures_without_classes_beside_sorted_ones_are_left_out_and_counted(tmp_path: Path) -> None:
    loose = ["seg_pred/seg_pred/1.jpg", "seg_pred/seg_pred/2.jpg"]
    found = _read(_grow(tmp_path, *_pairs("seg_train/seg_train", "seg_test/seg_test"), *loose))
    assert found.test is not None
    assert [w for w in found.warnings if "seg_pred (2 files) beside seg_test and seg_train were left out" in w]


def test_a_test_folder_without_classes_is_no_test_split(tmp_path: Path) -> None:
    found = _read(_grow(tmp_path, *_pairs("train"), "test/1.jpg", "test/2.jpg", "test/3.jpg", "0.png"))
    assert (found.classes, found.test) == (("cat", "dog"), None)
    assert "test (3 files) beside train were left out" in found.warnings[0]
    assert "1 picture(s) lie beside the class folders, in none, and were left out: 0.png" in found.warnings[1]


@pytest.mark.parametrize(
    "files",
    [
        ["train/1.png", "test/1.png"],
        ["train/1.png", "test/cat/1.png", "test/dog/1.png"],
        ["Test/cat/1.png", "Test/dog/1.png"],
        ["val/cat/1.png", "test/cat/1.png"],
    ],
)
def test_splits_without_classes_or_without_train_are_refused(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(DataError, match="named like splits; needed are both train and test"):
        _read(_grow(tmp_path, *files))


def test_two_folders_for_one_split_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Train, train are named like the same split"):
        _read(_grow(tmp_path, *_pairs("Train", "train", "test")))


def test_all_classes_that_splits_do_not_share_are_named(tmp_path: Path) -> None:
    files = [f"train/c{number}/1.png" for number in range(30)] + ["test/c3/1.png", "test/d/1.png"]
    with pytest.raises(DataError, match="30 class folder") as refused:
        _read(_grow(tmp_path, *files))
    assert str(refused.value).count("in train only") == 20
    assert str(refused.value).endswith("and 10 more")


def test_one_class_may_be_written_in_two_unicode_forms_and_cases(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    found = _read(
        _grow(tmp_path, f"train/{composed}/1.png", f"test/{decomposed}/1.png", "train/Dog/1.png", "test/dog/1.png")
    )
    assert found.classes == (composed, "Dog")
    assert found.test is not None
    assert [labelled.label for labelled in found.test] == [0, 1]
    assert "class Dog is named dog in another split" in found.warnings[0]


def test_two_folders_that_read_the_same_are_one_class(tmp_path: Path) -> None:
    twins = [unicodedata.normalize(form, "é") + "/1.png" for form in ("NFC", "NFD")]
    found = _read(_grow(tmp_path, *twins, "b/1.png"))
    assert found.classes == ("b", "é")
    assert [labelled.label for labelled in found.train] == [0, 1, 1]
    assert "2 folders are named é" in found.warnings[0]


def test_names_that_are_no_utf8_are_read_as_windows_1252(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    _grow(folder, os.fsdecode(b"\xff.png"), os.fsdecode(b"\x81\n.txt"))
    found = _read(_grow(tmp_path, "b/1.png"))
    assert found.classes == ("b", "café")
    assert r"1 class folder(s) have names that are no UTF-8, read as Windows-1252: caf\xe9 as café" in found.warnings[0]
    "".join(found.warnings).encode()


def test_folders_without_a_picture_are_no_classes_unless_they_are_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(parents=True)
    found = _read(_grow(tmp_path, "a/1.png", "b/1.png", "labels/1.xml", "labels/2.xml"))
    assert found.classes == ("a", "b", "empty")
    assert "1 folder(s) hold no picture and are no class: labels" in found.warnings[0]


@pytest.mark.parametrize(
    "folders",
    [
        ("cat_train", "cat_test", "dog_train", "dog_test"),
        ("train_cat", "val_cat", "test_cat", "train_dog", "val_dog", "test_dog"),
        ("TrainCat", "TestCat", "TrainDog", "TestDog"),
    ],
)
def test_folders_named_like_a_class_and_a_split_are_refused(tmp_path: Path, folders: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="each named like a class and a split") as caught:
        _read(_grow(tmp_path, *(f"{name}/1.png" for name in folders)))
    assert all(name in str(caught.value) for name in sorted(folders)[:3])
    assert "train/cat and test/cat" in str(caught.value)


def test_folds_are_taken_as_classes_with_a_warning_that_says_what_they_hold(tmp_path: Path) -> None:
    found = _read(_grow(tmp_path, *_pairs("fold1", "fold2", "fold3")))
    assert found.classes == ("fold1", "fold2", "fold3")
    assert "each of which holds cat, dog" in found.warnings[0]
    assert "put them into one folder each" in found.warnings[0]


@pytest.mark.parametrize(
    "files",
    [
        ("cat/left/1.png", "cat/right/1.png", "dog/1.png"),
        ("cat/left/1.png", "dog/left/1.png"),
        ("cat/left/1.png", "cat/right/1.png", "dog/left/1.png", "dog/front/1.png"),
        ("cat_train/1.png", "dog_test/1.png"),
    ],
)
def test_folders_inside_classes_that_differ_are_nobodys_business(tmp_path: Path, files: tuple[str, ...]) -> None:
    assert _read(_grow(tmp_path, *files)).warnings == ()


@given(st.lists(st.integers(0, 10**30).map(lambda n: f"{n % 3 * '0'}{n}"), max_size=20))
def test_numbers_in_names_are_in_their_order(numbers: list[str]) -> None:
    names = [f"img{number} b" for number in numbers]
    assert sorted(names, key=layout.natural) == sorted(names, key=lambda name: (int(name[3:-2]), name))


def test_a_number_of_thousands_of_digits_has_its_place_too() -> None:
    longest, shorter = f"a{'9' * 5000}", f"a{'1' * 4999}"
    assert sorted([longest, shorter, "a10", "b", "A9"], key=layout.natural) == ["A9", "a10", shorter, longest, "b"]
