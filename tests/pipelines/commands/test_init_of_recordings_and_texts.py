"""`compression init` on a folder of WAV files, on one of texts, and on a table with a column of texts."""

import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from compression_ops import dry_run
from compression_ops.data.dataset import load_description, load_split
from compression_ops.data.survey import look
from compression_ops.models.choice import NetworkChoice
from compression_ops.models.network import of_choice
from compression_ops.quantization.precision import Precision
from compression_ops.stages import dataset
from compression_ops.stages.stage import Context
from compression_ops.training.hyperparameters import Training
from pipelines.cli.app import app
from pipelines.commands.init import plan
from pipelines.commands.init.init import init
from pipelines.pipeline import Pipeline
from pipelines.recipe import file

_IMAGE_WORDS = {"image", "images", "pixels", "picture", "flip"}


@pytest.fixture(autouse=True)
def steps_of_a_known_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def hundredth(*_: object) -> float:
        return 0.01

    monkeypatch.setattr(plan, "_seconds", hundredth)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """30 of `high` and 30 of `low` at 8 kHz: most of 0.7 s, a few of 3."""
    draw = np.random.default_rng(0)
    for label, pitch in (("high", 1200), ("low", 300)):
        (tmp_path / "said" / label).mkdir(parents=True)
        for number in range(30):
            seconds = 3.0 if number < 2 else 0.7
            time = np.arange(int(8000 * seconds)) / 8000
            tone = 8000 * np.sin(2 * np.pi * pitch * time) + draw.normal(0, 500, len(time))
            with wave.open(str(tmp_path / "said" / label / f"{number}.wav"), "wb") as out:
                out.setparams((1, 2, 8000, 0, "NONE", ""))
                out.writeframes(tone.astype("<i2").tobytes())
    return tmp_path / "said"


def _say(file: Path, rate: int, seconds: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(
            np.random.default_rng(len(file.name)).normal(0, 3000, int(rate * seconds)).astype("<i2").tobytes()
        )


def _sentence(label: str, number: int) -> str:
    words = ["good", "fine", "bright"] if label == "glad" else ["bad", "dull", "grey"]
    return " ".join(words[(number + place) % 3] + str(number % 7 * place) for place in range(5 + number % 6))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """30 of `glad` and 30 of `sad`, of five to ten words."""
    for label in ("glad", "sad"):
        (tmp_path / "mails" / label).mkdir(parents=True)
        for number in range(30):
            (tmp_path / "mails" / label / f"{number}.txt").write_text(_sentence(label, number))
    return tmp_path / "mails"


def _is_proposed_in_its_own_words(name: str, noun: str) -> None:
    text = file.check(file.path_of(name)).path.read_text()
    assert not _IMAGE_WORDS & {*text.lower().split()}
    assert f" {noun} of 2 classes" in text
    assert "$" not in text


def test_recordings_get_their_rate_a_length_that_most_have_and_networks_for_them(recordings: Path, defs: Path) -> None:
    started = init("words", recordings)
    recipe = file.check(defs / "words" / "defs.yaml").recipe
    assert recipe == started.file.recipe
    stated = recipe.dataset.model_dump()
    assert (stated["source"], stated["rate"], stated["seconds"]) == ("wav_folder", 8000, 1.0)
    assert (recipe.teacher.architecture, recipe.students["small"].architecture) == ("compact_cnn", "ds_cnn")
    assert recipe.teacher.augmentation is not None
    assert list(recipe.teacher.augmentation.chosen()) == ["time_shift"]
    assert started.survey.counts == {"high": 30, "low": 30}
    assert "# Recordings of 1 s at 8000 Hz: nine of ten are no longer" in started.file.path.read_text()
    assert any("more than 2 times 1 s long" in odd for odd in started.survey.oddities)
    _is_proposed_in_its_own_words("words", "recordings")


def test_texts_get_a_length_that_most_have_and_networks_for_them(texts: Path, defs: Path) -> None:
    started = init("moods", texts)
    recipe = file.check(defs / "moods" / "defs.yaml").recipe
    stated = recipe.dataset.model_dump()
    assert (stated["source"], stated["length"], stated["buckets"]) == ("text_folder", 16, 4096)
    assert (recipe.teacher.architecture, recipe.students["small"].architecture) == ("embedding_bag", "text_cnn")
    assert recipe.teacher.augmentation is not None
    assert list(recipe.teacher.augmentation.chosen()) == ["word_dropout"]
    assert started.survey.ids > 4096
    _is_proposed_in_its_own_words("moods", "texts")


def test_a_column_of_sentences_makes_a_table_one_of_texts(tmp_path: Path, defs: Path) -> None:
    labels = ["glad", "sad"] * 30
    sentences = [_sentence(label, number) for number, label in enumerate(labels)]
    table = tmp_path / "mails.csv"
    pd.DataFrame({"number": range(60), "mail": sentences, "mood": labels}).to_csv(table, index=False)
    started = init("mails", table)
    stated = started.file.recipe.dataset.model_dump()
    assert (stated["source"], stated["text"], stated["label"]) == ("text_table", "mail", "mood")
    assert any("the texts in mail, of the classes in mood" in odd for odd in started.survey.oddities)


@pytest.mark.parametrize(
    ("rate", "taken", "words"),
    [(22_050, 16_000, "what lies above 8000 Hz is not heard"), (1_000, 2_000, "the lowest rate that is allowed")],
)
def test_another_rate_and_a_cut_length_are_told(rate: int, taken: int, words: str, defs: Path, tmp_path: Path) -> None:
    for number in range(10):
        _say(tmp_path / "said" / "ab"[number % 2] / f"{'n' * (number + 1)}.wav", rate, 12.0 if number < 4 else 0.5)
    started = init("long", tmp_path / "said")
    assert (started.survey.stated["rate"], started.survey.stated["seconds"]) == (taken, 10.0)
    assert f"most recordings have {rate} Hz, and are resampled to {taken} Hz: {words}" in started.survey.oddities[0]
    seen = f"# Recordings of 10 s at {taken} Hz: cut to that, 4 of 10 that were looked at are longer (docs/signal.md)."
    assert seen in started.file.path.read_text()


def test_texts_of_which_most_are_longer_are_said_to_be_cut(defs: Path, tmp_path: Path) -> None:
    for number in range(12):
        file = tmp_path / "essays" / "ab"[number % 2] / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(" ".join(f"w{number}x{place}" for place in range(256 if number < 6 else 300)))
    started = init("essays", tmp_path / "essays")
    assert started.survey.stated["length"] == 256
    assert "256 words, by 4,098 ids: cut to that, 6 of 12 that" in started.file.path.read_text()


def test_a_folder_of_pictures_with_a_note_stays_one_of_pictures(texts: Path) -> None:
    from PIL import Image

    for label in ("glad", "sad"):
        for number in range(40):
            Image.new("L", (20, 20), number).save(texts / label / f"{number}.png")
    assert look(texts).source == "image_folder"


@pytest.mark.parametrize("kind", ["recordings", "texts"])
def test_what_is_proposed_goes_its_whole_way_on_four_samples(
    kind: str, defs: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data: Path = request.getfixturevalue(kind)
    told = CliRunner().invoke(app(), ["init", "mine", "--data", str(data)])
    assert told.exit_code == 0, told.output
    assert f"60 {kind} of 2 classes" in told.output
    assert "pixels" not in told.output
    pipeline, output = Pipeline.open("mine"), tmp_path / "dataset"
    output.mkdir()
    dataset.run(pipeline.file.recipe.dataset, {"raw_data": data}, Context(output))
    description, train = load_description(output), load_split(output, "train")
    quantized = pipeline.file.recipe.quantized_students["int8"]
    for name in ("teacher", "student/small"):
        training = pipeline.graph.assets[name].parameters
        assert isinstance(training, Training)
        network = of_choice(training.part(NetworkChoice), description)
        wanted = [(quantized.part(Precision), quantized.method)] if name == "student/small" else []
        dry_run.check(network, training, train, description, wanted)
