"""Intervals and bounds against published values."""

import pytest

from reports.statistics.shares import missing_data_bounds, wilson_interval


# Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (Wilson without correction).
@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_matches_newcombe(passed, total, low, high):
    assert wilson_interval(passed, total) == (low, high)


def test_wilson_interval_is_symmetric():
    low, high = wilson_interval(3, 40)
    assert wilson_interval(37, 40) == (pytest.approx(1 - high), pytest.approx(1 - low))


def test_nothing_observed_has_no_interval():
    assert wilson_interval(0, 0) is None


@pytest.mark.parametrize(("passed", "total"), [(3, 2), (-1, 2)])
def test_an_impossible_rate_is_refused(passed, total):
    with pytest.raises(ValueError, match="no rate"):
        wilson_interval(passed, total)


def test_bounds_hold_the_rate_whatever_is_missing():
    assert missing_data_bounds(3, 1, 4) == (0.375, 0.875)
    assert missing_data_bounds(3, 1, 0) == (0.75, 0.75)
    assert missing_data_bounds(0, 0, 5) == (0.0, 1.0)
    assert missing_data_bounds(0, 0, 0) is None
