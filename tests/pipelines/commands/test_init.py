"""`compression init`: what it sees of images whose sizes and counts are known, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compression_ops.data.survey import look
from compression_ops.errors import CompressionError
from pipelines.commands.init import plan
from pipelines.commands.init.init import init
from pipelines.recipe import file


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 colour images of `round` and 10 of `square`, of unequal sizes from 20 to 59 pixels."""
    monkeypatch.setattr(plan, "_seconds", lambda *_: 0.01)
    generator = np.random.default_rng(0)
    for label, count in (("round", 40), ("square", 10)):
        (tmp_path / "photographs" / label).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (20 + number, 60, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / label / f"{number}.png")
    return tmp_path / "photographs"


def test_it_sees_counts_sizes_and_colour(photographs: Path) -> None:
    seen = look(photographs)
    assert (seen.source, seen.counts, seen.channels) == ("image_folder", {"round": 40, "square": 10}, 3)
    assert (seen.sizes[0], seen.sizes[2]) == (20, 59)


def test_the_recipe_fits_the_data_and_is_valid(photographs: Path, defs: Path) -> None:
    (defs / "shapes").mkdir()
    (defs / "shapes" / f".{'0' * 32}").touch()  # as a process leaves them that is killed while it writes
    started = init("shapes", photographs, "simple_cnn")
    recipe = file.load("shapes").recipe
    assert started.file.recipe == recipe
    assert recipe.dataset.path == str(photographs)
    assert recipe.dataset.image_size % 4 == 0
    assert 20 <= recipe.dataset.image_size <= 59
    assert (recipe.metric, recipe.teacher.class_weights) == ("balanced_accuracy", "balanced")
    assert recipe.teacher.architecture == "simple_cnn"


def test_epochs_shrink_to_the_minutes_that_there_are(
    photographs: Path, defs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = init("quick", photographs, "resnet").plan
    monkeypatch.setattr(plan, "_seconds", lambda *_: 5.0)
    slow = init("slow", photographs, "resnet").plan
    assert slow.epochs < quick.epochs
    assert slow.minutes <= 20


def test_an_archive_of_grey_arrays_with_its_own_test_split(photographs: Path, defs: Path, tmp_path: Path) -> None:
    arrays = {"x_train": np.arange(40 * 144).reshape(40, 12, 12) % 251, "y_train": np.arange(40) % 2}
    arrays |= {"x_test": np.arange(10 * 144).reshape(10, 12, 12) % 241, "y_test": np.arange(10) % 2}
    np.savez(tmp_path / "arrays.npz", **arrays)
    started = init("arrays", tmp_path / "arrays.npz", "resnet")
    assert (started.survey.counts, started.survey.test, started.survey.channels) == ({"0": 25, "1": 25}, 10, 1)
    assert started.file.recipe.dataset.source == "npz"


def test_a_class_is_too_small_by_its_training_samples_where_the_data_have_their_own_test_split(
    defs: Path, tmp_path: Path
) -> None:
    arrays = {
        "x_train": np.arange(24 * 144).reshape(24, 12, 12) % 251,
        "x_test": np.arange(10 * 144).reshape(10, 12, 12) % 241,
    }
    for rare, name in ((1, "few"), (2, "enough")):
        labels = {"y_train": (np.arange(24) >= rare).astype(int), "y_test": np.arange(10) % 2}
        np.savez(tmp_path / f"{name}.npz", **arrays, **labels)
    assert init("enough", tmp_path / "enough.npz", "resnet").survey.train == {"0": 2, "1": 22}
    with pytest.raises(CompressionError, match=r"class '0' has 1 sample\(s\) outside the test split; at least 2"):
        init("few", tmp_path / "few.npz", "resnet")
    assert not (defs / "few").exists()


@pytest.mark.parametrize(
    ("name", "data", "teacher", "words"),
    [
        ("new", "nowhere", "resnet", "no such file or folder"),
        ("new", "empty", "resnet", "holds no folders"),
        ("new", "hollow", "resnet", "class folders hold no files"),
        ("new", "single", "resnet", "class"),
        ("new", "list.csv", "resnet", "a table without rows"),
        ("new", "list.xlsx", "resnet", "neither a folder, nor a table, nor an .npz file"),
        ("tiny", "photographs", "resnet", "'tiny' exists already"),
        ("my-shapes", "photographs", "resnet", "letters, digits and underscores"),
        ("../new", "photographs", "resnet", "letters, digits and underscores"),
        ("new", "photographs", "resnett", "did you mean `resnet`?"),
    ],
)
def test_what_is_no_data_set_or_no_name_is_told_and_nothing_is_written(
    name: str, data: str, teacher: str, words: str, photographs: Path, defs: Path, tmp_path: Path
) -> None:
    for folder in ("empty", "hollow/one", "hollow/two", "single/one"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(9):
        Image.effect_noise((16, 16), 50).save(tmp_path / "single" / "one" / f"{number}.png")
    for table in ("list.csv", "list.xlsx"):
        (tmp_path / table).write_text("file,label\n")
    before = {path: path.read_bytes() for path in defs.rglob("*") if path.is_file()}
    with pytest.raises(CompressionError) as told:
        init(name, tmp_path / data, teacher)
    assert words in str(told.value)
    assert {path: path.read_bytes() for path in defs.rglob("*") if path.is_file()} == before
    assert [path.name for path in defs.iterdir()] == ["tiny"]
