"""Fixtures of the unit tests."""

from collections.abc import Iterator

import pytest

from tests.support.fake_engine import FakeEngine, fake_engine


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine that answers what the test tells it."""
    with fake_engine() as engine:
        yield engine
