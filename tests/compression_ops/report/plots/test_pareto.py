"""The Pareto front, by its definition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compression_ops.report.plots import pareto


def test_a_model_that_another_beats_on_both_is_not_on_the_front() -> None:
    assert pareto.front(costs=[10, 20, 30, 5], values=[0.90, 0.95, 0.94, 0.80]) == [3, 0, 1]


def test_models_equal_in_both_stay_together() -> None:
    assert pareto.front(costs=[1, 1], values=[0.5, 0.5]) == [0, 1]


def test_of_two_models_as_accurate_only_the_smaller_stays() -> None:
    assert pareto.front(costs=[2, 1], values=[0.5, 0.5]) == [1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_value_rises_with_cost_along_the_front_and_nothing_lies_beyond_it(points: list[tuple[int, int]]) -> None:
    costs, values = [cost for cost, _ in points], [value for _, value in points]
    front = pareto.front(costs, values)
    along = [(costs[index], values[index]) for index in front]
    assert along == sorted(along)
    assert [value for _, value in along] == sorted(value for _, value in along)
    for cost, value in points:
        assert any(front_cost <= cost and front_value >= value for front_cost, front_value in along)


def test_a_cost_without_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        pareto.front([1, 2], [1])
