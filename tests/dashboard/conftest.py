"""One recorded installation for all tests of a folder that only read it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.support.dashboard_site import browsing, operating, site_of
from tests.support.new_store import new_store
from tests.support.two_pipelines import two_pipelines


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def recorded(tmp_path_factory) -> Path:
    """A data folder with the pipelines `before` and `after`, and their reports. Read only."""
    folder = tmp_path_factory.mktemp("recorded")
    await two_pipelines(folder)
    return folder


@pytest_asyncio.fixture
async def web(recorded: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on this machine, in front of that installation."""
    async with browsing(site_of(recorded)) as client:
        yield client


@pytest_asyncio.fixture
async def operator(recorded: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a token, in front of a copy of that installation, which it may change."""
    folder = shutil.copytree(recorded, tmp_path / "changed")
    async with operating(site_of(folder), name="operator") as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_store(tmp_path_factory) -> Path:
    """A data folder with a store in which nothing is yet; to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    await new_store(f"sqlite+aiosqlite:///{folder / 'assay.db'}")
    return folder
