"""One set of workers for all workflow tests; each test has its own pipeline and script."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.workflows.fake_platform import workers


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def platform_workers(temporal_client: Client) -> AsyncIterator[None]:
    """Workers of every queue; they end with the file: their log is not for tests of others."""
    async with workers(temporal_client):
        yield


@pytest.fixture
def client(temporal_client: Client, platform_workers: None) -> Client:
    """A client whose workflows meet the fakes."""
    return temporal_client
