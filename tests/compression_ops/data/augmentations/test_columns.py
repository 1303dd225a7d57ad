"""Noise and missing values in the columns of a table, before it is normalized."""

import numpy as np
import pytest
import torch
from scipy import stats

from compression_ops.data.augmentation import Augmentation
from compression_ops.data.dataset import Description, normalize
from compression_ops.data.modalities.table import Table
from compression_ops.data.view import View
from compression_ops.data.views import Views
from compression_ops.errors import DataError

NAN, ROWS = float("nan"), torch.arange(2000)
TABLE = Table(("age", "plan", "fee", "height"), (None, ("basic", "pro"), (), None))
DESCRIPTION = Description(("a", "b"), (4,), (40.0, 0.0, 0.0, 1.7), (10.0, 1.0, 1.0, 0.1), TABLE)
SAMPLES = torch.tensor([[30.0, 2.0, 5.0, NAN], [50.0, 0.0, 5.0, 1.8]]).repeat(1000, 1)


def view(stated: dict[str, dict[str, float]], number: int = 0) -> View:
    views = Views(views=9, augmentation=Augmentation.model_validate(stated), seed=3)
    return views.view(number, SAMPLES, DESCRIPTION)


def test_noise_is_normal_in_units_of_each_columns_deviation() -> None:
    noisy = view({"column_noise": {"deviation": 0.5}}).samples(ROWS)
    moved = noisy - SAMPLES
    for column, deviation, rows in ((0, 10.0, slice(None)), (3, 0.1, slice(1, None, 2))):
        drawn = moved[rows, column].double().numpy() / (0.5 * deviation)
        assert stats.kstest(drawn, "norm").pvalue > 0.01
    assert noisy[::2, 3].isnan().all()
    assert not moved[:, 1:3].any()
    assert (normalize(noisy, DESCRIPTION)[:, 2:] == normalize(SAMPLES, DESCRIPTION)[:, 2:]).all()


def test_a_larger_deviation_moves_each_number_further_the_same_way() -> None:
    small, large = (view({"column_noise": {"deviation": each}}).samples(ROWS)[:, 0] for each in (0.1, 0.2))
    torch.testing.assert_close(large - SAMPLES[:, 0], 2 * (small - SAMPLES[:, 0]), rtol=1e-3, atol=1e-4)


def test_as_many_values_go_missing_as_are_asked_for_each_by_itself() -> None:
    dropped = view({"column_dropout": {"rate": 0.3}}).samples(ROWS)
    is_missing = torch.stack([dropped[:, 0].isnan(), dropped[:, 1] == 0], dim=1).numpy()
    for column, rows in ((0, slice(None)), (1, slice(0, None, 2))):
        missing = is_missing[rows, column]
        assert stats.binomtest(int(missing.sum()), len(missing), 0.3).pvalue > 0.01
    assert stats.pearsonr(is_missing[::2, 0], is_missing[::2, 1]).pvalue > 0.01
    kept = ~is_missing[:, 0]
    np.testing.assert_array_equal(dropped[kept, 0], SAMPLES[kept, 0])


@pytest.mark.parametrize("stated", [{"column_noise": {"deviation": 1.0}}, {"column_dropout": {"rate": 0.5}}])
def test_a_view_can_be_made_again_in_any_batches(stated: dict[str, dict[str, float]]) -> None:
    whole = view(stated, 2).samples(ROWS)
    parts = torch.cat([view(stated, 2).samples(rows) for rows in ROWS.split(77)])
    assert torch.equal(parts.nan_to_num(-1), whole.nan_to_num(-1))
    assert not torch.equal(whole.nan_to_num(-1), view(stated, 3).samples(ROWS).nan_to_num(-1))


@pytest.mark.parametrize("stated", [{"mixup": {"alpha": 0.2}}, {"cutout": {"size": 1}}])
def test_what_changes_pictures_is_refused_with_what_there_is_for_rows(stated: dict[str, dict[str, float]]) -> None:
    with pytest.raises(DataError, match=r"Allowed is for rows: column_dropout, column_noise"):
        view(stated)


def test_rows_are_no_pictures_for_an_image() -> None:
    pictures = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    augmentation = Augmentation.model_validate({"column_noise": {"deviation": 1.0}})
    with pytest.raises(DataError, match=r"augmentation\.column_noise does not fit images"):
        Views(augmentation=augmentation).view(0, pictures, Description(("a", "b"), (1, 8, 8), (0.5,), (0.5,)))
