"""Krippendorff's alpha against the worked example of the article that defines its computation.

Klaus Krippendorff, "Computing Krippendorff's Alpha-Reliability", Annenberg School for
Communication, University of Pennsylvania, 2011, https://repository.upenn.edu/asc_papers/43.
"""

import pytest

from contract.agreement import alpha, interval, nominal

# Krippendorff (2011), section E: 4 observers, 12 units, missing data.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
UNITS = [[value for value in unit if value is not None] for unit in zip(*OBSERVERS, strict=True)]


def test_the_published_example() -> None:
    assert alpha([[str(v) for v in unit] for unit in UNITS], nominal) == pytest.approx(
        0.743, abs=5e-4
    )
    assert alpha([[float(v) for v in unit] for unit in UNITS], interval) == pytest.approx(
        0.849, abs=5e-4
    )


def test_full_agreement_and_systematic_disagreement() -> None:
    assert alpha([["a", "a"], ["b", "b"]], nominal) == 1.0
    disagreement = alpha([["a", "b"], ["b", "a"]], nominal)
    assert disagreement is not None
    assert disagreement < 0


@pytest.mark.parametrize("units", [[], [["a"], ["b"]], [["a", "a"], ["a", "a"]]])
def test_where_nobody_can_tell_there_is_no_figure(units: list[list[str]]) -> None:
    assert alpha(units, nominal) is None
