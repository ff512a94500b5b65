"""A planted change of level is found, at its place; noise alone is not called one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from reports.statistics.change import FEWEST, changes, points_needed
from reports.statistics.pairs import benjamini_hochberg


def noise(seed: int, series: int, points: int) -> np.ndarray:
    return 0.05 * np.random.default_rng(seed).standard_t(4, (series, points))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), before=st.integers(5, 12), behind=st.integers(2, 8))
def test_a_planted_change_is_found_where_it_is(seed, before, behind):
    rows = np.random.default_rng(seed).normal(0, 0.02, (1, before + behind))
    rows[:, before:] += np.log(1.5)

    found = changes(rows)

    assert found.p[0] < 0.01
    assert found.at[0] == before
    assert found.low[0] < found.shift[0] < found.high[0]
    assert abs(found.shift[0] - np.log(1.5)) < 0.1


@pytest.mark.parametrize("points", [5, 6, 9, 20])
def test_permuted_labels_are_called_changed_no_oftener_than_the_level_says(points):
    rows = noise(1, 20, 400)
    rows[:, 200:] += np.log(1.5)  # a change that is there, until its order is lost
    drawn = np.random.default_rng(2).permuted(rows, axis=1).reshape(-1, 400)[:, :points]
    mixed = np.concatenate([noise(seed, 400, points) for seed in range(5)])

    assert (changes(mixed).p < 0.05).mean() < 0.07
    assert (changes(drawn).p < 0.001).mean() < 0.05


def test_a_single_slow_run_among_few_is_hardly_a_change_and_two_are_one():
    rows = np.log([[100, 106, 95, 103, 97, 125], [100, 106, 95, 103, 150, 152]])

    one, two = changes(rows, 0.01).p

    assert one > 0.005 > two


@given(shift=st.floats(-3, 3), size=st.floats(0.1, 10))
@settings(max_examples=30, deadline=None)
def test_the_level_and_the_unit_of_a_figure_do_not_matter(shift, size):
    rows = noise(3, 4, 10)

    there, here = changes(rows), changes(rows * size + shift)

    assert here.p == pytest.approx(there.p)
    assert here.shift == pytest.approx(there.shift * size)


def test_values_without_any_noise_are_held_against_the_floor():
    rows = np.array([[1.0, 1, 1, 1, 1, 1.02], [1.0, 1, 1, 1, 1, 1]])

    assert (changes(rows, 0.01).p > 0.05).all()
    assert changes(rows, 0.0001).p[0] < 0.01


def test_too_few_points_are_refused_and_the_number_needed_is_told():
    with pytest.raises(ValueError, match="at least 5"):
        changes(noise(1, 1, FEWEST - 1))
    assert points_needed(0.02, 0.2) == FEWEST
    assert FEWEST < points_needed(0.1, 0.2) < 20
    assert points_needed(1.0, 0.2) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_that_of_statsmodels(values):
    _, expected, _, _ = multipletests(values, method="fdr_bh")

    assert benjamini_hochberg(values) == pytest.approx(list(expected))
