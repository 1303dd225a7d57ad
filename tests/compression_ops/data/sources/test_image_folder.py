"""A user's own images."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from compression_ops.data.samples import HoldOut, RawData, Samples
from compression_ops.data.sources import image_folder
from compression_ops.errors import DataError


def _spec(**fields: Any) -> image_folder.ImageFolder:
    return image_folder.ImageFolder.model_validate({"source": "image_folder", "path": ".", "image_size": 8, **fields})


def _paint(*paths: Path) -> None:
    """Images of 8 x 8 pixels, each another noise."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = int.from_bytes(os.fsencode(path)[-8:], "big")
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)).save(path)


def _read(root: Path, **fields: Any) -> RawData:
    return image_folder.read(_spec(**fields), root)


def test_images_and_labels_are_those_of_torchvisions_image_folder(tmp_path: Path) -> None:
    _paint(*(tmp_path / name / f"{number}.png" for name in ("cat", "dog") for number in range(4)))
    _paint(tmp_path / "cat" / "more" / "deeper" / "9.png")
    theirs = ImageFolder(tmp_path)
    raw = _read(tmp_path)
    assert list(raw.classes) == theirs.classes
    assert raw.train.labels.tolist() == theirs.targets
    expected = np.stack([np.asarray(image) for image, _ in theirs]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(raw.train.values, expected)
    assert raw.test == HoldOut(0.2)
    assert raw.warnings == ()


def test_images_of_any_size_become_one_shape(tmp_path: Path) -> None:
    for number, size in enumerate([(8, 8), (100, 20), (3, 50)]):
        _paint(tmp_path / "a" / "x.png")
        Image.new("RGB", size, (number, 0, 0)).save(tmp_path / "a" / f"{number}.png")
    _paint(tmp_path / "b" / "x.png")
    assert _read(tmp_path, image_size=16, channels=1).train.values.shape == (5, 1, 16, 16)
    assert _read(tmp_path, image_size=9).train.values.shape == (5, 3, 9, 9)


def test_own_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    _paint(*(tmp_path / split / name / "1.png" for split in ("train", "test") for name in ("cat", "dog")))
    _paint(tmp_path / "train" / "cat" / "2.png")
    raw = _read(tmp_path)
    assert isinstance(raw.test, Samples)
    assert (raw.train.labels.tolist(), raw.test.labels.tolist()) == ([0, 0, 1], [0, 1])
    assert raw.classes == ("cat", "dog")


def test_classes_stand_in_natural_order_under_their_own_names(tmp_path: Path) -> None:
    names = ["item 10", "item 2", "Item 1", "élan", "2 b", "10 b", "a.b"]
    _paint(*(tmp_path / name / "1.png" for name in names))
    assert _read(tmp_path).classes == ("2 b", "10 b", "a.b", "Item 1", "item 2", "item 10", "élan")


def test_names_that_begin_with_a_dot_are_ignored(tmp_path: Path) -> None:
    _paint(
        tmp_path / "a" / "1.png",
        tmp_path / "b" / "1.png",
        tmp_path / ".cache" / "1.png",
        tmp_path / "a" / ".x" / "1.png",
    )
    (tmp_path / "a" / ".DS_Store").write_bytes(b"junk")
    raw = _read(tmp_path)
    assert (raw.classes, len(raw.train)) == (("a", "b"), 2)
    assert "2 picture(s) in 2 folder(s) that are hidden" in raw.warnings[0]
    assert raw.warnings[0].endswith(": .cache (1), a/.x (1).")
    assert len(raw.warnings) == 1
    assert image_folder.files(_spec(), tmp_path) == [tmp_path / "a" / "1.png", tmp_path / "b" / "1.png"]


def test_the_raw_files_are_listed_sorted_and_without_those_outside_class_folders(tmp_path: Path) -> None:
    _paint(
        tmp_path / "b" / "2.png", tmp_path / "b" / "10.png", tmp_path / "a" / "z" / "1.png", tmp_path / "a" / "1.png"
    )
    (tmp_path / "README.md").write_text("about these images")
    listed = image_folder.files(_spec(), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in listed] == ["a/1.png", "a/z/1.png", "b/10.png", "b/2.png"]
    _paint(tmp_path / "split" / "train" / "a" / "1.png", tmp_path / "split" / "test" / "a" / "1.png")
    _paint(tmp_path / "split" / "other" / "a" / "1.png")
    assert len(image_folder.files(_spec(), tmp_path / "split")) == 2


def test_files_that_are_no_images_are_left_out_and_named(tmp_path: Path) -> None:
    _paint(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    for number in range(7):
        (tmp_path / "a" / f"{number}.txt").write_text("text")
    raw = _read(tmp_path)
    assert len(raw.train) == 2
    assert raw.warnings[0].endswith(
        "7 file(s) are no images (7 .txt) and were left out: a/0.txt, a/1.txt, a/2.txt, a/3.txt, a/4.txt and 2 more."
    )


def test_all_images_that_cannot_be_decoded_are_counted_and_named(tmp_path: Path) -> None:
    _paint(*(tmp_path / "a" / f"{number}.png" for number in range(5)), tmp_path / "b" / "1.png")
    for number in (1, 3):
        path = tmp_path / "a" / f"{number}.png"
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(
        DataError, match=r"2 image\(s\) cannot be decoded\. Repair, convert or remove them:\n.*a/1\.png.*\n.*a/3\.png"
    ):
        _read(tmp_path)


def test_a_class_that_only_train_or_only_test_has_is_refused(tmp_path: Path) -> None:
    _paint(
        tmp_path / "train" / "cat" / "1.png", tmp_path / "train" / "dog" / "1.png", tmp_path / "test" / "cat" / "1.png"
    )
    with pytest.raises(
        DataError, match=r"1 class folder\(s\) stand in only one of train and test.*\n  in train only: dog"
    ):
        _read(tmp_path)


def test_a_folder_beside_train_and_test_is_left_out_and_named(tmp_path: Path) -> None:
    _paint(*(tmp_path / split / name / "1.png" for split in ("train", "test", "notes") for name in "ab"))
    raw = _read(tmp_path)
    assert len(raw.train) == 2
    assert "notes (2 files) beside test and train were left out" in raw.warnings[0]


def test_pictures_for_validation_join_those_of_train(tmp_path: Path) -> None:
    _paint(*(tmp_path / split / name / f"{split}.png" for split in ("train", "test", "val") for name in "ab"))
    raw = _read(tmp_path)
    assert isinstance(raw.test, Samples)
    assert (raw.train.labels.tolist(), raw.test.labels.tolist()) == ([0, 0, 1, 1], [0, 1])
    assert "pictures for validation joined those of train" in raw.warnings[0]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    _paint(tmp_path / "train" / "1.png", tmp_path / "bus" / "1.png")
    assert _read(tmp_path).classes == ("bus", "train")


@pytest.mark.parametrize("act", [image_folder.files, image_folder.read])
def test_a_folder_without_class_folders_is_refused(tmp_path: Path, act: Any) -> None:
    _paint(tmp_path / "1.png")
    with pytest.raises(DataError, match="holds no folders; expected one a class"):
        act(_spec(), tmp_path)


@pytest.mark.parametrize("act", [image_folder.files, image_folder.read])
def test_a_folder_that_is_gone_is_an_error_in_words(tmp_path: Path, act: Any) -> None:
    with pytest.raises(DataError, match="cannot be listed"):
        act(_spec(), tmp_path / "gone")


def test_an_absolute_path_is_taken_as_it_is_and_a_relative_one_also_looked_up_in_the_data_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _paint(tmp_path / "data" / "pets" / "cat" / "1.png")
    monkeypatch.chdir(tmp_path)
    folders = [tmp_path / "other", tmp_path / "data"]
    assert image_folder.locate(_spec(path=str(tmp_path / "data" / "pets")), []) == tmp_path / "data" / "pets"
    assert image_folder.locate(_spec(path="pets"), folders) == tmp_path / "data" / "pets"
    assert image_folder.locate(_spec(path="data/pets"), folders) == Path("data/pets")
    assert image_folder.locate(_spec(path="pets/cat/1.png"), folders) is None
    assert image_folder.locate(_spec(path="gone"), folders) is None


def test_linked_folders_are_followed_but_not_into_themselves(tmp_path: Path) -> None:
    _paint(tmp_path / "store" / "x" / "1.png", tmp_path / "root" / "b" / "1.png")
    (tmp_path / "root" / "a").symlink_to(tmp_path / "store")
    (tmp_path / "root" / "b" / "again").symlink_to(tmp_path / "root" / "b")
    listed = image_folder.files(_spec(), tmp_path / "root")
    assert [path.relative_to(tmp_path / "root").as_posix() for path in listed] == ["a/x/1.png", "b/1.png"]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    _paint(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=r"1 name\(s\) are neither a file nor a folder.*\n  a/2\.png"):
        image_folder.files(_spec(), tmp_path)


def test_many_files_are_read_in_the_same_order_every_time(tmp_path: Path) -> None:
    _paint(*(tmp_path / name / f"{number}.png" for name in "abc" for number in range(40)))
    first, second = _read(tmp_path), _read(tmp_path)
    assert first.train.values.tobytes() == second.train.values.tobytes()
    one_by_one = [np.asarray(Image.open(path)) for path in image_folder.files(_spec(), tmp_path)]
    np.testing.assert_array_equal(first.train.values, np.stack(one_by_one).transpose(0, 3, 1, 2))


def test_broken_metadata_and_animations_are_taken_and_counted(tmp_path: Path) -> None:
    _paint(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    Image.new("L", (8, 8), 9).save(tmp_path / "a" / "bad.png", exif=b"\x00\x08\x00\x02\x01\x12\x00\x03")
    frames = [Image.new("L", (8, 8), level) for level in (50, 100)]
    frames[0].save(tmp_path / "b" / "2.GIF", save_all=True, append_images=frames[1:])
    raw = _read(tmp_path)
    assert raw.train.labels.tolist() == [0, 0, 1, 1]
    assert "1 image(s) have metadata that cannot be read" in raw.warnings[0]
    assert raw.warnings[0].endswith(": a/bad.png.")
    assert "1 file(s) hold several frames or pages, of which the first was taken: b/2.GIF." in raw.warnings[1]


@pytest.mark.parametrize(
    ("bits", "outcome"), [(8, "refused"), (10, "refused"), (12, "refused"), (14, "told"), (16, "")]
)
def test_grey_images_of_sixteen_bits_that_use_fewer_are_refused_or_told(
    tmp_path: Path, bits: int, outcome: str
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        values = np.random.default_rng(0).integers(0, 2**bits, (8, 8)).astype(np.uint16)
        values[0, 0] = 2**bits - 1
        Image.fromarray(values).save(tmp_path / name / "1.png")
    if outcome == "refused":
        factor = 2 ** (16 - bits)
        with pytest.raises(DataError, match=rf"2 image.*use no more than {bits} .*Multiply their values by {factor:,}"):
            _read(tmp_path)
    else:
        warnings = _read(tmp_path).warnings
        assert len(warnings) == (outcome == "told")
        assert all("use 14 of them; scaled to 8 bits, 64 of 256 levels are left" in words for words in warnings)


def test_names_in_any_bytes_are_read_and_told_in_text(tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"dog"):
        folder = tmp_path / os.fsdecode(name)
        _paint(folder / "1.png")
        (folder / "1.png").rename(folder / os.fsdecode(b"\xff\xfe.png"))
        (folder / os.fsdecode(b"\xe9\n.txt")).write_text("text")
    raw = _read(tmp_path)
    assert raw.classes == ("café", "dog")
    assert r"dog/\xe9\n.txt" in raw.warnings[1]
    assert all(words.isprintable() for words in raw.warnings)
