"""A chaos run can be drawn again from its seed, and leaves no kind of fault out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import FaultKind, draw

SEEDS = st.integers(min_value=0, max_value=2**32)
KINDS = st.sets(st.sampled_from(list(FaultKind)), min_size=1)


@given(SEEDS, st.integers(min_value=0, max_value=60), KINDS)
def test_the_same_seed_draws_the_same_faults(seed: int, count: int, kinds: set[FaultKind]):
    assert draw(seed, count, kinds) == draw(seed, count, sorted(kinds, reverse=True))
    assert len(draw(seed, count, kinds)) == count


@given(SEEDS, KINDS)
def test_every_kind_comes_before_any_comes_twice(seed: int, kinds: set[FaultKind]):
    drawn = [fault.kind for fault in draw(seed, 2 * len(kinds), kinds)]

    assert set(drawn[: len(kinds)]) == kinds
    assert set(drawn[len(kinds) :]) == kinds


@given(SEEDS, st.integers(min_value=0, max_value=40))
def test_a_longer_run_begins_like_a_shorter_one_with_the_same_kinds(seed: int, count: int):
    order = [fault.kind for fault in draw(seed, count + 20, FaultKind)]

    assert [fault.kind for fault in draw(seed, count, FaultKind)] == order[:count]


def test_two_seeds_differ():
    assert draw(1, 30, FaultKind) != draw(2, 30, FaultKind)


def test_nothing_to_draw_from_is_an_error():
    with pytest.raises(ValueError, match="no kind of fault"):
        draw(1, 1, [])


def test_a_store_that_is_gone_is_gone_for_twenty_seconds():
    (fault,) = draw(7, 1, [FaultKind.STORE_GONE])

    assert fault.lasts_s == 20.0
    assert str(fault) == "store-gone for 20 s"
