"""Work that makes very many small objects and no circles of them."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Generator[None]:
    """Without collections of garbage, in all threads: they would look at all modules each time.

    Objects that are in no circle go as they always do. It may be nested, and used at the same time
    in several threads: whoever found collections on turns them on again.
    """
    were_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if were_on:
            gc.enable()
