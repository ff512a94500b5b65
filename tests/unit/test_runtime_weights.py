"""What is expected of the tools: measured, learned, never more than an order."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.runtime.measure.cache_key import measured_weights
from analyzers.runtime.measure.weights import (
    MAX_SIZE_BITS,
    MAX_STEP,
    NEWEST_SHARE,
    Weight,
    Weights,
    as_json,
    read_weights,
)
from analyzers.static.tools import TOOLS
from tests.support.demo_analyzer import DemoTool

MEASURED = {"demo": Weight(cores=0.75, start_s=1.0, s_per_mib=2.0)}
MIB = 1024**2


def test_every_static_tool_was_measured():
    assert set(measured_weights(TOOLS)) == {tool.name for tool in TOOLS}
    assert all(0 < one.cores <= 2 for one in measured_weights(TOOLS).values())


def test_more_source_takes_longer_and_none_takes_nothing():
    weights = Weights(MEASURED)
    assert [weights.seconds("demo", size) for size in (0, MIB // 2, MIB)] == [0.0, 2.0, 3.0]
    assert weights.seconds("stranger", MIB) == 0.0


def test_the_tools_own_word_counts_where_nobody_measured():
    weights = Weights(MEASURED)
    assert weights.cores(DemoTool("demo")) == 0.75
    assert weights.cores(DemoTool("other", cost=1.5)) == 1.5


def test_what_is_learned_is_kept_by_size_and_a_single_odd_run_moves_it_but_a_little(tmp_path: Path):
    file = tmp_path / "learned.json"
    weights = Weights(MEASURED, file)
    weights.learn("demo", MIB, 3_000.0)
    assert weights.seconds("demo", MIB) == pytest.approx(3.0 * MAX_STEP**NEWEST_SHARE, abs=0.01)
    for _ in range(60):
        weights.learn("demo", MIB, 9.0)
    assert weights.seconds("demo", MIB) == pytest.approx(9.0, rel=0.05)
    assert weights.seconds("demo", 64 * MIB) == 129.0  # another size: still what was measured
    weights.save()
    assert Weights(MEASURED, file).seconds("demo", MIB) == weights.seconds("demo", MIB)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"demo": {"21": "soon"}}',
        b'{"demo": {"21": -4}}',
        b'{"demo": {"21": NaN}}',
        b'{"demo": {"21": 1e300}}',
        b'{"gone": {"21": 4}}',
        b'{"demo": {"900": 4}}',
    ],
)
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes):
    (tmp_path / "learned.json").write_bytes(content)
    weights = Weights(MEASURED, tmp_path / "learned.json")
    assert weights.seconds("demo", MIB) == 3.0
    weights.learn("demo", MIB, 3.0)
    weights.save()
    assert Weights(MEASURED, tmp_path / "learned.json").seconds("demo", MIB) == 3.0


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path):
    weights = Weights(MEASURED, tmp_path / "gone/learned.json")
    weights.learn("demo", MIB, 5.0)
    before = weights.seconds("demo", MIB)
    weights.save()
    assert weights.seconds("demo", MIB) == before


@given(st.lists(st.tuples(st.integers(0, 2**70), st.floats(0, 1e9)), max_size=80))
def test_what_is_kept_is_bounded(tmp_path_factory: pytest.TempPathFactory, seen: list):
    file = tmp_path_factory.mktemp("kept") / "learned.json"
    weights = Weights(MEASURED, file)
    for size, spent_s in seen:
        weights.learn("demo", size, spent_s)
        weights.learn("stranger", size, spent_s)
    weights.save()
    assert not file.exists() or file.stat().st_size < 40 * MAX_SIZE_BITS
    assert Weights(MEASURED, file).seconds("demo", 2**60) > 0


def test_the_table_is_read_as_it_is_written(tmp_path: Path):
    (tmp_path / "weights.json").write_text(as_json(MEASURED))
    assert read_weights(tmp_path / "weights.json") == MEASURED
    assert read_weights(tmp_path / "none.json") == {}
