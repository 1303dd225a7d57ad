"""The automation and the raw data: what is observed when, and what a change of the files computes."""

from pathlib import Path

import pytest

from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_STUDENT
from tests.pipelines.images import image, image_folder, of_images
from tests.pipelines.ticks import BY_HAND, EVERYTHING, NOTHING, Ticks

# of Dagster's own evaluate_automation_conditions
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


REPORT = {"benchmark_report"}


@pytest.mark.slow
def test_files_that_changed_came_or_went_are_observed_and_start_a_retrain(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    _use(images, defs)
    ticks = Ticks()
    assert ticks.step() == (EVERYTHING, EVERYTHING)
    assert ticks.silent()
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set()), "the observe cron"
    assert ticks.silent(), "what was observed is what the data set was made from"

    new = images / "class1" / "new.png"
    after_dataset = EVERYTHING - {"dataset"} - REPORT
    for change, trained in (
        (lambda: image(images / "class0" / "0.png", 220), True),
        (lambda: image(new, 120), True),
        (new.unlink, False),  # as before it came, so all results are known
    ):
        change()
        assert ticks.silent(2), "not looked at between two ticks of the observe cron"
        ticks.pass_cron(6)
        assert ticks.step() == ({"raw_data"}, set())
        assert ticks.step() == ({"dataset"}, {"dataset"} if trained else set()), "whom it affects is not known before"
        assert ticks.step() == (after_dataset, after_dataset if trained else NOTHING)
        assert ticks.step() == (REPORT, REPORT if trained else NOTHING), "which reads the measurements alone"
        assert ticks.silent(2)
    assert set(product.states().values()) == {"fresh"}

    (images / "class0" / "notes.txt").write_text("no image, so the data set stays the same")
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert ticks.step() == ({"dataset"}, {"dataset"})
    assert ticks.silent(2), "the wave stops there"


@pytest.mark.slow
def test_an_unreadable_file_is_named_and_the_last_good_data_set_stays_in_use(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    ticks = _settled(images, defs)
    good = _latest("dataset")

    damaged = min(images.glob("*/*.png"))
    content = damaged.read_bytes()
    damaged.write_bytes(content[:30])
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert ticks.step() == ({"dataset"}, set())
    assert set(ticks.failures) == {"dataset"}
    assert str(damaged) in ticks.failures["dataset"]
    assert _latest("dataset") == good
    assert ticks.silent()

    product.edit(defs / "tiny" / "defs.yaml", "temperature: 4.0", "temperature: 2.0")
    assert ticks.silent(), "nothing is made from data that are known to be outdated"

    damaged.write_bytes(content)
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert ticks.step() == (AFTER_STUDENT, AFTER_STUDENT), "mended: the last good data set is the right one again"
    assert ticks.silent()


@pytest.mark.slow
def test_a_file_that_cannot_even_be_listed_fails_the_observation_that_names_it(defs: Path, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    ticks = _settled(images, defs)
    link = images / "class0" / "gone.png"
    link.symlink_to(tmp_path / "nowhere.png")
    ticks.pass_cron(6)
    assert ticks.step() == ({"raw_data"}, set())
    assert set(ticks.failures) == {"raw_data"}
    assert f"{link.parent.name}/{link.name}" in ticks.failures["raw_data"]
    assert ticks.silent()


def _latest(name: str) -> object:
    return product.pipeline().history.latest("tiny", name)


def _use(images: Path, defs: Path) -> None:
    recipes.write(
        defs, text=of_images(images, (BY_HAND[0], "automation: {mode: on, observe: 0 6 * * *, retry: 0 0 1 1 *}"))
    )


def _settled(images: Path, defs: Path) -> Ticks:
    """Ticks of a recipe on these images, which is up to date."""
    _use(images, defs)
    ticks = Ticks()
    ticks.execute(ticks.tick())
    assert ticks.silent()
    return ticks
