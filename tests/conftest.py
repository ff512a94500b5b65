"""Fixtures every folder may use: one real Temporal server per session, on a free port."""

import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client, GrpcCompression
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

# The tools' own Node.js, also where pytest is started by hand.
NODE = Path(__file__).parent.parent / ".tools" / "node" / "bin"
os.environ["PATH"] = f"{NODE}{os.pathsep}{os.environ['PATH']}"
TEMPORAL = Path(sys.executable).parent / "temporal"
DYNAMIC_CONFIG = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    'history.timerProcessorMaxTimeShift="10ms"',
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "system.forceSearchAttributesCacheRefreshOnRead=true",
    "limit.historyCount.suggestContinueAsNew=120",
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1",
)
# Each of pytest's workers has a server, so that there are more of them than cores: one thread each
# spares a tenth of what they use in handing work to one another and in looking for garbage.
GO = {"GOMAXPROCS": "1", "GOGC": "400"}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of modules and tests are made to stay: the collector need not look at them again.

    It looked for a quarter of the time that collecting takes, in each of xdist's workers.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_env() -> AsyncIterator[WorkflowEnvironment]:
    """A dev server whose own client skips time, each workflow on its own clock."""
    from workflows import search_attributes

    flags = [part for flag in DYNAMIC_CONFIG for part in ("--dynamic-config-value", flag)]
    with pytest.MonkeyPatch.context() as patched:
        for name, value in GO.items():
            patched.setenv(name, value)
        env = await WorkflowEnvironment.start_time_skipping_v2(
            data_converter=pydantic_data_converter,
            dev_server_existing_path=str(TEMPORAL),
            dev_server_log_level="error",
            search_attributes=search_attributes.ALL,
            dev_server_extra_args=flags,
        )
    yield env
    await env.shutdown()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_client(temporal_env: WorkflowEnvironment) -> Client:
    """A client of the same server in real time."""
    config = temporal_env.client.service_client.config
    return await Client.connect(
        config.target_host,
        namespace=temporal_env.client.namespace,
        data_converter=pydantic_data_converter,
        grpc_compression=GrpcCompression.NONE,  # both ends are here
    )


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Generator[None]:
    """A program that a test runs sets up the log of its process: what was there is put back."""
    root = logging.getLogger()
    before, level = [each for each in root.handlers if not _is_of_pytest(each)], root.level
    yield
    root.handlers[:] = [*filter(_is_of_pytest, root.handlers), *before]
    root.setLevel(level)


def _is_of_pytest(handler: logging.Handler) -> bool:
    return type(handler).__module__.startswith("_pytest")
