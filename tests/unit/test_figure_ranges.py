"""Each app of a pipeline is read once, with a few hundred others, whatever the fleet's shape is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from store.figure_ranges import app_ranges


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(1, 1_300), max_size=60))
def test_each_app_is_in_one_range_and_no_range_is_large(models):
    keys = [(model, 3 * n + 1) for model in sorted(models) for n in range(models[model])]

    ranges = list(app_ranges(keys))

    read = [
        [key for key in keys if key[0] in one.models and one.first <= key[1] <= one.last]
        for one in ranges
    ]
    assert sorted(key for some in read for key in some) == keys
    assert all(0 < len(some) <= 500 for some in read)
    assert (
        len(ranges)
        <= len(keys) / 250 + len(models) / 20 + 2 * sum(size > 250 for size in models.values()) + 1
    )
