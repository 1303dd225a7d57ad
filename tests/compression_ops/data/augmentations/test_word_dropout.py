"""Word dropout, place by place."""

import pytest
import torch
from scipy import stats

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.augmentations import word_dropout
from compression_ops.data.augmentations.word_dropout import WordDropout
from compression_ops.data.dataset import Description
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.view import draw
from compression_ops.errors import DataError

TEXTS = Description(("a", "b"), (40,), (), (), Tokens("hashed", 102))
IMAGES = Description(("a", "b"), (1, 8, 8), (0.5,), (0.2,))


def samples(count: int) -> torch.Tensor:
    """Texts of 1 to 40 words, none of them unknown."""
    ids = torch.randint(2, 102, (count, 40), generator=torch.Generator().manual_seed(0))
    return ids * (torch.arange(40) <= (torch.arange(count) % 40).unsqueeze(1))


def test_words_become_unknown_as_often_as_asked_and_padding_stays() -> None:
    ids = samples(400)
    view = draw(Augmentation.model_validate({"word_dropout": {"probability": 0.3}}), ids, TEXTS, 1, 0)
    found = view.samples(torch.arange(400))
    assert found.dtype == torch.float32
    dropped = found == 1
    assert torch.equal(found[~dropped].long(), ids[~dropped])
    assert not dropped[ids == 0].any()
    words = int((ids != 0).sum())
    assert stats.binomtest(int(dropped.sum()), words, 0.3).pvalue > 0.001


def test_a_larger_probability_drops_the_same_words_and_others() -> None:
    few, many = (
        word_dropout.draw(WordDropout(probability=p), 50, (40,), torch.Generator().manual_seed(3))[0]
        for p in (0.1, 0.5)
    )
    assert (many | ~few).all()
    assert many.sum() > few.sum()


def test_any_batch_of_a_view_has_the_same_bits() -> None:
    ids, rows = samples(20), torch.tensor([7, 3])
    view = draw(Augmentation.model_validate({"word_dropout": {"probability": 0.4}}), ids, TEXTS, 1, 2)
    assert torch.equal(view.samples(torch.arange(20))[rows], view.samples(rows))


def test_images_have_no_words_and_texts_no_corners() -> None:
    with pytest.raises(DataError, match=r"augmentation\.word_dropout does not fit images"):
        draw(Augmentation.model_validate({"word_dropout": {"probability": 0.4}}), torch.zeros(2, 1, 8, 8), IMAGES, 1, 0)
    with pytest.raises(DataError, match=r"augmentation\.rotate does not fit texts.*for texts: word_dropout"):
        draw(Augmentation.model_validate({"rotate": 5.0}), samples(2), TEXTS, 1, 0)
