"""The table of whose fault it is: the same in code and docs, and each row is tested."""

import re
from collections import Counter
from pathlib import Path

import pytest

from clients import blame
from clients.blame import AppFault, fault
from contract.analysis import MeasurementState
from contract.blame import Row
from contract.errors import ErrorCode, PlatformError
from tests.support.blame_table import DOCUMENT, SIDES, render, rows_of, written

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("side", SIDES)
def test_the_docs_have_the_rows_that_the_code_uses(side: str):
    rows = rows_of(side)
    table = written(side, DOCUMENT.read_text())

    assert rows is None or table == render(rows), "run python -m tests.support.blame_table"


def test_a_row_is_named_once_and_says_why():
    rows = [row for side in SIDES for row in rows_of(side) or ()]

    assert [key for key, count in Counter(row.key for row in rows).items() if count > 1] == []
    assert [row.key for row in rows if not (row.seen and row.because)] == []
    assert [row.key for row in rows if "|" in row.seen + row.because + row.again] == []


def test_each_row_has_a_test():
    names = {row.key: name for name, row in vars(blame).items() if isinstance(row, Row)}
    this = Path(__file__)
    texts = "".join(path.read_text() for path in TESTS.rglob("test_*.py") if path != this)
    untested = [
        row.key
        for side in SIDES
        for row in rows_of(side) or ()
        if f'"{row.key}"' not in texts
        and not (row.key in names and re.search(rf"\bblame\.{names[row.key]}\b", texts))
    ]

    assert untested == []


@pytest.mark.parametrize("row", blame.ROWS, ids=lambda row: row.key)
def test_the_row_decides_whose_fault_it_is(row):
    found = fault(row, "start", "said", "log")

    if row.state is MeasurementState.APP_FAILED:
        assert isinstance(found, AppFault)
        assert (found.phase, found.reason, found.row, found.log) == (
            "start",
            "said",
            row.key,
            "log",
        )
    else:
        assert isinstance(found, PlatformError)
        assert found.message == "said"


def test_what_somebody_has_to_mend_first_is_not_tried_again():
    mended = (blame.STAND_IN, blame.UNSUPPORTED, blame.NO_BASE_IMAGE, blame.NOT_HONOURED)
    cured = (blame.REMOVED, blame.KILLED, blame.REGISTRY, blame.SLOW_START)

    assert {fault(row, "start", "").code for row in mended} == {ErrorCode.FAILED_PRECONDITION}
    assert {fault(row, "start", "").code for row in cured} == {ErrorCode.UNAVAILABLE}
