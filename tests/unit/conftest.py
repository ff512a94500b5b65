"""Fixtures of the unit tests."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.fake_engine import FakeEngine, fake_engine

# How long an example takes says more of the machine's other work than of what is tested.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine that answers what the test tells it."""
    with fake_engine() as engine:
        yield engine
