"""Attempts of activities whose workflow is not paused, unless a test says so."""

import pytest

from activities import ownership


@pytest.fixture(autouse=True)
def not_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no server to ask."""

    async def no() -> bool:
        return False

    monkeypatch.setattr(ownership, "is_held", no)
