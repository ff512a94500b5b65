"""Whoever shows a token or a session is answered, whatever else the store is busy with."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.access import Scope
from control.access import Access
from control.access_kept import KeptAccess
from tests.support.store_folder import stored_in

HANGS_S = 10.0  # less than another writer is waited for


@contextmanager
def another_writer(folder: Path) -> Iterator[None]:
    """Somebody writes for long."""
    with closing(sqlite3.connect(folder / "assay.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield
        writer.execute("ROLLBACK")


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    kept = KeptAccess(stored_in(tmp_path))
    access = Access(kept)
    yield access
    await access.close()
    await kept.close()


async def test_a_token_is_good_while_another_one_writes(access: Access, tmp_path: Path):
    made = await access.create_token("ana", Scope.READ, None, "a test")
    with another_writer(tmp_path):
        async with asyncio.timeout(HANGS_S):
            known = [await access.by_token(made.token) for _ in range(3)]
    await access.close()
    (token,) = (await access.tokens()).tokens

    assert [each.name for each in known if each] == ["ana"] * 3
    assert token.last_used_at is not None


async def test_a_session_goes_on_while_another_one_writes(access: Access, tmp_path: Path):
    token = (await access.create_token("ana", Scope.READ, None, "a test")).token
    secret = await access.log_in(token, "127.0.0.1", local=True)
    await access.close()
    later = datetime.now(UTC) + timedelta(hours=1)
    access.now = lambda: later
    with another_writer(tmp_path):
        async with asyncio.timeout(HANGS_S):
            known = await access.by_session(secret or "", local=True)
    await access.close()
    (session,) = (await access.sessions()).sessions

    assert known is not None
    assert session.seen_at == later
