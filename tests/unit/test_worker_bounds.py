"""What a worker keeps does not grow with the apps it has seen, and what hangs holds up nobody."""

import asyncio
import gc
import threading

from clients.named_locks import NamedLocks
from worker import use_many_threads


async def test_one_at_a_time_for_each_name_and_no_lock_stays_behind():
    locks = NamedLocks()
    inside, most = 0, 0

    async def work(name: str) -> None:
        nonlocal inside, most
        async with locks.of(name):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work("same") for _ in range(5)))
    assert most == 1
    await asyncio.gather(*(work(f"app{number}") for number in range(100)))
    assert most > 1, "others do not wait"
    gc.collect()
    assert len(locks) == 0


def test_an_engine_that_hangs_in_many_calls_leaves_threads_for_others():
    async def run() -> str:
        use_many_threads()
        over = threading.Event()
        hung = [asyncio.create_task(asyncio.to_thread(over.wait, 30)) for _ in range(100)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(asyncio.to_thread(lambda: "recorded"), 10)
        finally:
            over.set()
            await asyncio.gather(*hung)

    assert asyncio.run(run()) == "recorded"
