"""An image file is classified as the network that was trained on an image folder would, without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from compression_ops.data import dataset
from compression_ops.data.dataset import Description
from compression_ops.data.sources import image_folder
from compression_ops.errors import ModelError
from compression_ops.onnx_model import metadata, prediction, raw_samples
from tests.compression_ops import linear_models

SIDE = 12
CLASSES = ("cat", "dog", "eel")


def save_model(
    path: Path, shape: tuple[int, int, int] = (3, SIDE, SIDE), weights: np.ndarray | None = None, described: bool = True
) -> Description:
    """A random linear model, and the description that stands in its file."""
    generator = np.random.default_rng(0)
    if weights is None:
        weights = generator.normal(0, 0.05, (int(np.prod(shape)), len(CLASSES)))
    mean, std = generator.uniform(0.2, 0.7, (2, shape[0])).tolist()
    description = Description(CLASSES, shape, tuple(mean), tuple(std))
    model = linear_models.linear(weights, shape)
    if described:
        metadata.describe(model, description)
    onnx.save(model, path)
    return description


def paint(root: Path, count: int = 5) -> list[Path]:
    """Photos of several sizes, modes and formats, in the class folders of an image folder."""
    generator = np.random.default_rng(1)
    paths: list[Path] = []
    for index in range(count):
        path = root / "ab"[index % 2] / f"{index}.{('png', 'jpg', 'webp')[index % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = generator.integers(8, 40, 2)
        image = Image.fromarray(generator.integers(0, 256, (height, width, 3), np.uint8))
        (image.convert("L") if index == 3 else image).save(path)
        paths.append(path)
    return paths


def predicted(model: Path, images: list[Path]) -> list[prediction.Prediction]:
    """Of images that can all be read."""
    answers = prediction.predict(model, images)
    found, unreadable = answers.predictions, answers.unreadable
    assert unreadable == []
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_probabilities_are_those_of_torch_on_the_pixels_of_an_image_folder(tmp_path: Path, channels: int) -> None:
    shape = (channels, SIDE, SIDE)
    weights = np.random.default_rng(2).normal(0, 0.05, (channels * SIDE * SIDE, len(CLASSES)))
    description = save_model(tmp_path / "model.onnx", shape, weights)
    paint(tmp_path / "images")
    spec = {"source": "image_folder", "path": ".", "image_size": SIDE, "channels": channels}
    read = image_folder.ImageFolder.model_validate(spec)
    raw = image_folder.read(read, tmp_path / "images")
    inputs = dataset.normalize(torch.from_numpy(raw.train.values), description)
    expected = (inputs.flatten(1) @ torch.from_numpy(weights).float()).softmax(dim=1).numpy()
    files = image_folder.files(read, tmp_path / "images")
    found = predicted(tmp_path / "model.onnx", files)
    assert [one.sample for one in found] == list(map(str, files))
    probabilities = np.array([list(one.probabilities.values()) for one in found])
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    for one, row in zip(found, expected, strict=True):
        assert list(one.probabilities) == list(CLASSES)
        assert one.label == CLASSES[row.argmax()]
        assert one.probability == one.probabilities[one.label] == max(one.probabilities.values())


def test_a_model_that_takes_pixels_tells_the_same_to_the_bit(tmp_path: Path) -> None:
    description, files = save_model(tmp_path / "floats.onnx"), paint(tmp_path)
    onnx.save(raw_samples.normalizing(onnx.load(tmp_path / "floats.onnx"), description), tmp_path / "pixels.onnx")
    assert predicted(tmp_path / "pixels.onnx", files) == predicted(tmp_path / "floats.onnx", files)


def test_more_images_than_a_batch_come_back_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "model.onnx")
    files = paint(tmp_path, 7)
    whole = predicted(tmp_path / "model.onnx", files)
    monkeypatch.setattr(prediction, "_BATCH", 3)
    parts = predicted(tmp_path / "model.onnx", files)
    assert [one.sample for one in parts] == list(map(str, files))
    for one, other in zip(parts, whole, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, rel=1e-5)
    assert predicted(tmp_path / "model.onnx", []) == []


def test_nothing_is_inverted(tmp_path: Path) -> None:
    weights = np.stack([np.ones(SIDE * SIDE), -np.ones(SIDE * SIDE), np.full(SIDE * SIDE, -9.0)], axis=1)
    save_model(tmp_path / "model.onnx", (1, SIDE, SIDE), weights)
    for name, value in (("white", 255), ("black", 0)):
        Image.fromarray(np.full((20, 20), value, np.uint8)).save(tmp_path / f"{name}.png")
    white, black = predicted(tmp_path / "model.onnx", [tmp_path / "white.png", tmp_path / "black.png"])
    assert (white.label, black.label) == ("cat", "eel")


def test_torch_is_not_imported(tmp_path: Path) -> None:
    save_model(tmp_path / "model.onnx")
    (file,) = paint(tmp_path, 1)
    program = (
        "import sys; from pathlib import Path; from compression_ops.onnx_model.prediction import predict; "
        f"print(predict(Path({str(tmp_path / 'model.onnx')!r}), [Path({str(file)!r})]).predictions[0].label); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in CLASSES


def test_good_files_are_classified_and_every_other_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No image, damaged, missing, foreign, a folder: each beside good ones, and in a batch of bad ones alone."""
    save_model(tmp_path / "model.onnx")
    good = paint(tmp_path, 3)
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(good[0].read_bytes()[:60])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "photo.heic").write_bytes(b"something")
    (tmp_path / "folder.png").mkdir()
    bad = [damaged, *(tmp_path / name for name in ("notes.txt", "gone.png", "photo.heic", "folder.png"))]
    mixed = [bad[0], good[0], bad[1], bad[2], bad[3], good[1], good[2], bad[4]]
    monkeypatch.setattr(prediction, "_BATCH", 2)
    answers = prediction.predict(tmp_path / "model.onnx", mixed)
    found, unreadable = answers.predictions, answers.unreadable
    assert found == predicted(tmp_path / "model.onnx", good)
    assert [one.file for one in unreadable] == bad
    assert all(one.cause.startswith(f"{one.file}: ") for one in unreadable)
    assert unreadable[1].cause.endswith("notes.txt: no image; allowed is a file that Pillow opens, such as PNG or JPEG")
    assert "folder.png: a folder. Name the files in it, as " in unreadable[4].cause


def test_a_model_that_does_not_describe_itself_is_named(tmp_path: Path) -> None:
    save_model(tmp_path / "plain.onnx", described=False)
    with pytest.raises(ModelError, match=r"plain\.onnx: its metadata lack compression\.classes"):
        predicted(tmp_path / "plain.onnx", [])


def test_a_model_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        predicted(tmp_path / "gone.onnx", [])


def redescribe(path: Path, **changes: object) -> None:
    model = onnx.load(path)
    fields = {**vars(metadata.read(model).description), **changes}
    metadata.describe(model, Description(**fields))  # type: ignore[arg-type]
    onnx.save(model, path)


def test_a_description_of_other_images_or_classes_is_told(tmp_path: Path) -> None:
    path, files = tmp_path / "model.onnx", paint(tmp_path, 1)
    save_model(path)
    redescribe(path, shape=(3, 8, 8))
    with pytest.raises(ModelError, match=r"takes inputs of shape \[3, 12, 12\], but its metadata say \[3, 8, 8\]"):
        predicted(path, files)
    save_model(path)
    redescribe(path, classes=("a", "b"))
    with pytest.raises(ModelError, match=r"shape \(1, 3\) for 1 sample.*each of the 2 classes"):
        predicted(path, files)


@pytest.mark.parametrize("shape", [(2, 8, 8), (1, 8, 10)])
def test_a_model_of_images_that_no_file_holds_is_told(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    save_model(tmp_path / "model.onnx", shape)
    with pytest.raises(ModelError, match="square images of 1 or 3 channels alone"):
        predicted(tmp_path / "model.onnx", [])


def test_logits_that_are_not_finite_are_told(tmp_path: Path) -> None:
    weights = np.full((3 * SIDE * SIDE, len(CLASSES)), np.nan)
    save_model(tmp_path / "model.onnx", weights=weights)
    with pytest.raises(ModelError, match="logits that are not finite"):
        predicted(tmp_path / "model.onnx", paint(tmp_path, 1))
