"""A view is replayed bit for bit, whatever the batches, their order, the threads and the process; labels go with it."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from compression_ops.data.affine import Affine
from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import Description
from compression_ops.data.view import View
from compression_ops.data.views import Views
from compression_ops.errors import DataError
from tests.compression_ops.data import earlier_views
from tests.compression_ops.data.every_augmentation import CASES, EVERYTHING

SAMPLES = 97
DESCRIPTION = Description(("a", "b", "c"), (3, 9, 12), (0.5, 0.4, 0.3), (0.2, 0.3, 0.2))
ROWS = torch.arange(SAMPLES)


def pictures() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (SAMPLES, 3, 9, 12), generator=generator, dtype=torch.uint8)


def labels() -> Tensor:
    return torch.arange(SAMPLES) % 3


def view(stated: dict[str, Any], number: int = 7, seed: int = 3, images: Tensor | None = None) -> View:
    views = Views(views=9, augmentation=Augmentation.model_validate(stated), seed=seed)
    return views.view(number, pictures() if images is None else images, DESCRIPTION)


@pytest.mark.parametrize("case", CASES)
def test_a_view_can_be_made_again_in_any_batches(case: str) -> None:
    first, again = view(CASES[case]), view(CASES[case])
    whole, mixed = first.samples(ROWS), first.labels(labels(), ROWS)
    assert not torch.equal(whole, pictures().float())
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(2))
    for size in (1, 13, 64):
        for rows in order.split(size):
            assert torch.equal(again.samples(rows), whole[rows])
            assert torch.equal(again.labels(labels(), rows), mixed[rows])


def test_threads_change_no_bit_of_large_images() -> None:
    """A sum over an image of more than 32,768 pixels is what torch would divide among threads."""
    images = torch.randint(0, 256, (2, 3, 190, 180), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    stated = {"color_jitter": EVERYTHING["color_jitter"]}
    threads, found = torch.get_num_threads(), list[Tensor]()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(view(stated, images=images).samples(torch.tensor([1])))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[0], view(stated, images=images).samples(torch.tensor([0, 1]))[1:])


def digests() -> dict[str, str]:
    """Of pixels and labels of each case, in an order of batches that depends on nothing but this function."""
    found: dict[str, str] = {}
    for case, stated in CASES.items():
        replayed, content = view(stated), hashlib.sha256()
        for rows in ROWS.flip(0).split(10):
            content.update(replayed.samples(rows).numpy().tobytes() + replayed.labels(labels(), rows).numpy().tobytes())
        found[case] = content.hexdigest()
    return found


@pytest.mark.slow
def test_another_process_makes_the_same_views() -> None:
    code = f"import json; from {__name__} import digests; print(json.dumps(digests()))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == digests()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("seed", "number"), [(4, 7), (3, 8)])
def test_another_seed_or_number_is_another_view(case: str, seed: int, number: int) -> None:
    first, other = (found.samples(ROWS) for found in (view(CASES[case]), view(CASES[case], number, seed)))
    assert (first != other).flatten(1).any(dim=1).double().mean() > 0.9


def test_making_a_view_neither_reads_nor_moves_the_global_generator() -> None:
    before = torch.get_rng_state()
    view(EVERYTHING).samples(ROWS)
    assert torch.equal(before, torch.get_rng_state())


def test_without_augmentation_a_view_is_the_data_itself() -> None:
    for views in (Views(views=3), Views(augmentation=Augmentation())):
        assert torch.equal(views.view(1, pictures(), DESCRIPTION).samples(ROWS), pictures().float())
        assert torch.equal(views.view(1, pictures(), DESCRIPTION).labels(labels(), ROWS), labels())


@pytest.mark.parametrize(
    "bounds",
    [{"translate": 1.5, "rotate": 10.0, "scale": 0.1}, {"flip": True}, {"shear": 5.0}, CASES["affine"]],
    ids=lambda bounds: "+".join(bounds),
)
def test_views_of_the_affine_map_alone_have_the_bits_that_they_had_before_the_others_came(
    bounds: dict[str, Any],
) -> None:
    for seed, number in ((0, 0), (3, 7)):
        transformations = earlier_views.draw(Affine.model_validate(bounds), SAMPLES, seed, number)
        assert transformations is not None
        rows = ROWS.flip(0)[:50]
        expected = earlier_views.augment(pictures()[rows], transformations[rows])
        assert torch.equal(view(bounds, number, seed).samples(rows), expected)


def test_a_further_augmentation_leaves_the_draws_of_the_others() -> None:
    """Each step's result is the next one's images, so one alone can be undone from the composition."""
    affine = {name: value for name, value in EVERYTHING.items() if name in Affine.model_fields}
    cropped = view({"random_crop": EVERYTHING["random_crop"]}).samples(ROWS)
    both = view({"random_crop": EVERYTHING["random_crop"]} | affine).samples(ROWS)
    assert torch.equal(both, view(affine, images=cropped).samples(ROWS))
    jittered = view({"color_jitter": EVERYTHING["color_jitter"]}, images=both).samples(ROWS)
    cut = view({"cutout": EVERYTHING["cutout"]}, images=jittered).samples(ROWS)
    assert torch.equal(view(EVERYTHING).samples(ROWS), view({"mixup": EVERYTHING["mixup"]}, images=cut).samples(ROWS))


def test_labels_are_mixed_as_the_pixels_are() -> None:
    """Images that are their class's one-hot label, of which a mixture is its own label."""
    images = torch.nn.functional.one_hot(labels(), 3).mul(255).to(torch.uint8).view(-1, 3, 1, 1).expand(-1, 3, 9, 12)
    mixed = view({"mixup": {"alpha": 0.7}}, images=images)
    found = mixed.labels(labels(), ROWS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, mixed.samples(ROWS)[:, :, 0, 0] / 255)
    torch.testing.assert_close(found.sum(1), torch.ones(SAMPLES))
    assert ((found > 0.01) & (found < 0.99)).any(dim=1).double().mean() > 0.5
    assert torch.equal(mixed.classes(labels()), found.argmax(1))
    assert torch.equal(view({"cutout": {"size": 3}}).classes(labels()), labels())


def test_images_that_do_not_allow_an_augmentation_are_refused() -> None:
    with pytest.raises(DataError, match=r"augmentation\.cutout\.size does not fit images of shape \(3, 9, 12\)"):
        view({"cutout": {"size": 10}})


@pytest.mark.gpu
def test_a_view_is_made_where_its_images_lie() -> None:
    for stated in CASES.values():
        there = view(stated, images=pictures().cuda())
        pixels = there.samples(ROWS.cuda())
        assert pixels.is_cuda
        torch.testing.assert_close(pixels.cpu(), view(stated).samples(ROWS), rtol=0, atol=0.05)
        assert torch.equal(there.labels(labels().cuda(), ROWS.cuda()).cpu(), view(stated).labels(labels(), ROWS))
