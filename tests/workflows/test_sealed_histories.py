"""What Temporal keeps of a pipeline whose worker and commands have a key; on a real server."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from clients.codec import parse_keys
from clients.shared_keys import require_shared_keys
from clients.temporal import connect, ensure_search_attributes
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from control import pipelines
from control.doings import doings_of
from control.pipelines import Pipeline
from control.starting import require_readable, start_pipeline
from tests.workflows.fake_platform import FakePlatform, fails, finished, workers
from workflows.search_attributes import names

NAMESPACE = "sealed"
KEYS = [f"k{n}:" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3)]
WORD = "clear-text-word"


def address_of(client: Client) -> str:
    return client.service_client.config.target_host


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain(temporal_client: Client) -> Client:
    """A client without a key, of a namespace where everybody else has one."""
    request = RegisterNamespaceRequest(
        namespace=NAMESPACE, workflow_execution_retention_period=Duration(seconds=86_400)
    )
    await temporal_client.workflow_service.register_namespace(request)
    client = await connect(address_of(temporal_client), NAMESPACE)
    async for _ in until_known(client):
        await ensure_search_attributes(client, names())
    return client


async def until_known(client: Client) -> AsyncIterator[None]:
    """Once: a namespace takes a moment to be known everywhere."""
    for attempt in range(200):
        try:
            await require_shared_keys(client)
        except RPCError:
            assert attempt < 199
        else:
            yield
            return


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sealed(plain: Client) -> AsyncIterator[Client]:
    """A client whose worker has the same key."""
    client = await connect(address_of(plain), NAMESPACE, keys=KEYS[0])
    async with workers(client):
        yield client


async def kept(client: Client, platform: FakePlatform) -> bytes:
    """All histories of a pipeline as the server has them."""
    raw = b""
    async for one in client.list_workflows(f"AssayPipeline='{platform.id}'"):
        handle = client.get_workflow_handle(one.id, run_id=one.run_id)
        raw += b"".join([e.SerializeToString() async for e in handle.fetch_history_events()])
        raw += (await handle.describe()).raw_description.SerializeToString()
    return raw


def platform_with(word: str, **spec: Any) -> FakePlatform:
    """A pipeline that has the word in its spec and in a failure."""
    platform = FakePlatform(analyzers="sd", options={AnalyzerKind.STATIC: {"note": word}}, **spec)
    platform.runs[AnalyzerKind.DYNAMIC] = fails(ErrorCode.INVALID_ARGUMENT, word)
    return platform


async def test_no_history_holds_clear_text(plain: Client, sealed: Client):
    platform = platform_with(WORD)

    result = await platform.run(sealed)

    assert sum(result.counts.values()) == 1
    assert platform.cells(1)["static"] is MeasurementState.MEASURED
    raw = await kept(plain, platform)
    assert len(raw) > 10_000
    for word in (WORD, "/apps", "analyzers", "subtask_id", "static-tool", "Traceback"):
        assert word.encode() not in raw, word


async def test_without_a_key_the_same_words_are_there(temporal_client: Client):
    platform = platform_with(WORD)
    await platform.run(temporal_client)
    raw = await kept(temporal_client, platform)
    for word in (WORD, "/apps", "analyzers", "subtask_id", "static-tool"):
        assert word.encode() in raw, word


async def test_who_has_the_key_reads_all_as_ever(sealed: Client):
    platform = platform_with(WORD)
    await platform.run(sealed)

    await require_readable(sealed, platform.id)
    progress = await Pipeline(sealed, platform.id).progress()
    assert [app.ref.model for app in progress.apps] == ["m"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "there is no key here"),
        (KEYS[1], "other keys than those here"),
        (KEYS[1] + "," + KEYS[0], "other keys than those here"),  # it could not read what we write
    ],
)
async def test_a_command_with_another_key_is_refused_before_it_starts_anything(
    sealed: Client, keys: str, said: str
):
    client = await connect(address_of(sealed), NAMESPACE, keys=keys)
    with pytest.raises(PlatformError, match=said) as caught:
        await require_shared_keys(client)
    assert "ASSAY_PAYLOAD_KEYS" in caught.value.message


async def test_a_command_with_a_key_is_refused_by_a_worker_without(temporal_client: Client):
    keyed = await connect(address_of(temporal_client), temporal_client.namespace, keys=KEYS[0])
    with pytest.raises(PlatformError, match="the worker has none"):
        await require_shared_keys(keyed)
    await require_shared_keys(await connect(address_of(temporal_client), keyed.namespace))


async def test_a_worker_that_knows_more_keys_will_do(sealed: Client):
    await require_shared_keys(await connect(address_of(sealed), NAMESPACE, keys=KEYS[0]))
    more = await connect(address_of(sealed), NAMESPACE, keys=",".join((KEYS[0], KEYS[2])))
    await require_shared_keys(more)


@pytest.mark.parametrize("keys", ["", KEYS[1], KEYS[0].replace("k1", "k9")])
async def test_what_cannot_be_read_is_one_error_and_no_hang(sealed: Client, keys: str):
    platform = platform_with(WORD)
    await platform.run(sealed)
    client = await connect(address_of(sealed), NAMESPACE, keys=keys)

    for ask in (require_readable(client, platform.id), Pipeline(client, platform.id).progress()):
        with pytest.raises(PlatformError, match=r"'k1'.*ASSAY_PAYLOAD_KEYS"):
            await ask


async def test_a_key_that_everybody_lost_is_named(sealed: Client, monkeypatch: pytest.MonkeyPatch):
    """No query is answered then; the pipeline goes on when the worker has the key again."""
    monkeypatch.setattr(pipelines, "_QUERY_LIMIT", timedelta(seconds=0.5))
    other = await connect(address_of(sealed), NAMESPACE, keys=KEYS[2])
    platform = FakePlatform(analyzers="s")
    handle = await start_pipeline(other, platform.plan)
    try:
        with pytest.raises(PlatformError, match=r"'k3'.*ASSAY_PAYLOAD_KEYS"):
            await Pipeline(sealed, platform.id).progress()
    finally:
        await handle.terminate()


async def test_a_failure_that_is_sealed_is_told_to_who_has_the_key(sealed: Client):
    platform = FakePlatform(analyzers="s")
    platform.runs[AnalyzerKind.STATIC] = fails(ErrorCode.UNAVAILABLE, WORD, retry=True)
    handle = await platform.start(sealed)
    async with asyncio.timeout(30):
        while WORD not in (said := "".join((await doings_of(await handle.describe())).values())):
            await asyncio.sleep(0.05)
    assert said.startswith("static: is tried again after: ")
    await handle.signal("cancel")
    await finished(handle)


def test_the_first_key_seals_and_names_are_shown_without_values():
    keys = parse_keys("\n".join(KEYS[:2]))
    assert [key.name for key in keys] == ["k1", "k2"]
    assert KEYS[0].split(":")[1] not in repr(keys)
