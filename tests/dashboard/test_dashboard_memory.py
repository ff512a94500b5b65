"""Collections of garbage look at what is new alone."""

import gc
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from dashboard.memory import settle_late

LATE = "tests.loaded_late"


@pytest.fixture
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_a_late_module_has_made_is_left_out_once(
    monkeypatch: pytest.MonkeyPatch, thawed: None
):
    settle_late(LATE)
    not_loaded = gc.get_freeze_count()
    monkeypatch.setitem(sys.modules, LATE, ModuleType(LATE))
    settle_late(LATE)
    loaded = gc.get_freeze_count()
    gc.unfreeze()
    settle_late(LATE)

    assert (not_loaded, loaded > 0, gc.get_freeze_count()) == (0, True, 0)
