"""A new store for a test: a process migrates one and copies its file for each test that wants one.

To migrate takes most of a tenth of a second of a core, and hundreds of tests begin with it. What
tests migrating itself calls `store.migrate.upgrade`.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from store.engine import parse_url
from store.migrate import upgrade


async def new_store(url: str) -> None:
    """Have a store with the newest schema at `url`, as `upgrade` does."""
    parsed = parse_url(url)
    file = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or file.exists():
        await upgrade(url)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    """The whole file of a store that was just migrated. A loop may run here: it has a thread."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        file = Path(folder) / "assay.db"
        thread.submit(asyncio.run, upgrade(f"sqlite:///{file}")).result()
        assert list(Path(folder).iterdir()) == [file], "something is left outside the file"
        return file.read_bytes()
