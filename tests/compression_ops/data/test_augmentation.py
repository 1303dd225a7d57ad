"""Which augmentations a recipe can choose, in which order they come, and what is said of those that are not chosen."""

import json

import pytest
from pydantic import ValidationError

from compression_ops import implementations
from compression_ops.data.augmentation import Augmentation
from compression_ops.data.augmentations.color_jitter import ColorJitter
from compression_ops.data.augmentations.cutout import Cutout
from compression_ops.data.dataset import Description
from compression_ops.data.misfit import Misfit
from compression_ops.data.views import Views
from tests.compression_ops.data.every_augmentation import EVERYTHING


def test_each_is_chosen_by_the_name_of_its_file_and_they_come_in_a_stated_order() -> None:
    chosen = Augmentation.model_validate(EVERYTHING).chosen()
    assert list(chosen) == ["random_crop", "", "color_jitter", "cutout", "mixup"]
    every = zip(implementations.names("data.augmentations"), implementations.specs("data.augmentations"), strict=True)
    assert set(chosen) - {""} == {name for name, spec in every if not hasattr(spec, "modalities")}
    assert Augmentation.model_validate(EVERYTHING).mixing() == ["mixup"]
    assert Augmentation.model_validate({"cutout": {"size": 4}, "flip": True}).mixing() == []


def test_one_that_changes_nothing_is_left_out() -> None:
    assert Augmentation().chosen() == {}
    assert Augmentation.model_validate({"color_jitter": {}, "translate": 0.0}).chosen() == {}
    assert Augmentation.model_validate({"color_jitter": {"hue": 0.0}, "cutout": {"size": 3}}).chosen() == {
        "cutout": Cutout(size=3)
    }


def test_what_is_not_chosen_leaves_the_json_as_it_was_before_it_could_be() -> None:
    """So recipes and `views.json` of the affine map alone keep their digests."""
    bounds = {"translate": 1.0, "rotate": 0.0, "scale": 0.0, "shear": 0.0, "flip": False}
    assert Augmentation(translate=1.0).model_dump(mode="json") == bounds
    views = Views(views=2, augmentation=Augmentation(translate=1.0), seed=4)
    expected = {"views": 2, "augmentation": bounds, "seed": 4}
    assert json.dumps(views.model_dump(mode="json")) == json.dumps(expected)
    stated = Augmentation.model_validate({"cutout": {"size": 4}}).model_dump(mode="json")
    assert stated == bounds | {"translate": 0.0, "cutout": {"size": 4, "holes": 1}}


def test_what_was_written_is_read_again() -> None:
    augmentation = Augmentation.model_validate(EVERYTHING)
    assert Augmentation.model_validate_json(augmentation.model_dump_json()) == augmentation
    changed = augmentation.changed(color_jitter=ColorJitter(contrast=0.1), mixup=None)
    assert list(changed.chosen()) == ["random_crop", "", "color_jitter", "cutout"]


@pytest.mark.parametrize(
    "bad",
    [
        {"random_crop": {"padding": -1}},
        {"random_crop": {"padding": 0}},
        {"random_crop": {}},
        {"random_crop": {"padding": 2, "padding_mode": "wrap"}},
        {"cutout": {"size": 0}},
        {"cutout": {"size": 2.5}},
        {"cutout": {"size": 4, "holes": 0}},
        {"color_jitter": {"brightness": -0.1}},
        {"color_jitter": {"hue": 0.6}},
        {"mixup": {"alpha": 0.0}},
        {"mixup": {"alpha": -1.0}},
        {"mixup": 0.2},
        {"cutmix": {"alpha": 1.0}},
    ],
)
def test_parameters_out_of_range_and_unknown_ones_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Augmentation.model_validate(bad)


def images_of(*shape: int) -> Description:
    return Description(("a", "b"), shape, (0.5,) * shape[0], (0.5,) * shape[0])


def test_every_parameter_that_images_do_not_allow_is_named_with_its_path() -> None:
    found = list(Augmentation.model_validate(EVERYTHING).misfits(images_of(1, 3, 9)))
    grey = "0 or left out, since it means nothing for images of 1 channel(s)"
    assert found == [
        Misfit("random_crop.padding", "less than 3, the images' shorter side"),
        Misfit("color_jitter.saturation", grey),
        Misfit("color_jitter.hue", grey),
        Misfit("cutout.size", "at most 3, the images' shorter side"),
    ]
    assert list(Augmentation.model_validate(EVERYTHING).misfits(images_of(3, 9, 9))) == []
