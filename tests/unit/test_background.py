"""Tasks beside a workflow's main line: a crash is seen, an end that was asked for is none."""

import asyncio

import pytest

from workflows.background import Background


async def _ends_its_own_way() -> None:
    """Like a call to the server, which ends with an error of its own when it is cancelled."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise RuntimeError("cancelled") from None


async def _crashes() -> None:
    raise RuntimeError("a bug")


async def test_what_is_stopped_has_not_crashed() -> None:
    background = Background()
    background.run(_ends_its_own_way())
    await asyncio.sleep(0)

    background.stop()
    await asyncio.sleep(0.01)

    assert not background.crashed


async def test_a_crash_is_kept_over_a_stop_until_it_is_raised() -> None:
    background = Background()
    background.run(_crashes())
    await asyncio.sleep(0)

    background.stop()

    assert background.crashed
    with pytest.raises(RuntimeError, match="a bug"):
        background.raise_crash()
