"""The store of a data folder, as tests fill and read it."""

from pathlib import Path

from control.stored import Stored
from store.results import SqlResultStore
from tests.support.new_store import new_store


def url_in(folder: Path) -> str:
    """The address of the store in a folder."""
    return f"sqlite+aiosqlite:///{folder / 'assay.db'}"


def stored_in(folder: Path) -> Stored:
    """The store of a folder as `control` asks it; nobody works with it."""
    return Stored(url_in(folder), in_use=lambda: False)


async def store_in(folder: Path) -> SqlResultStore:
    """The store of a folder, made if it is not there yet; to be closed."""
    await new_store(url_in(folder))
    return SqlResultStore.from_url(url_in(folder))
