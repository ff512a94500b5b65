"""What Temporal's Web UI and CLI get from the codec endpoint, over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from cli.commands.codec import application, run_codec
from cli.errors import UserError
from clients.codec import EncryptionCodec, Key
from settings import Settings

UI = "http://127.0.0.1:8233"
CODEC = EncryptionCodec([Key("k1", b"k" * 32)])
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"clear text"')


@asynccontextmanager
async def endpoint() -> AsyncIterator[httpx.AsyncClient]:
    runner = web.AppRunner(application(CODEC, UI))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        yield client
    await runner.cleanup()


def body(*payloads: Payload) -> bytes:
    return json_format.MessageToJson(Payloads(payloads=payloads)).encode()


async def test_sealed_and_clear_payloads_come_back_open():
    sealed = (await CODEC.encode([CLEAR]))[0]
    async with endpoint() as client:
        answer = await client.post("/decode", content=body(sealed, CLEAR))
        assert json_format.Parse(answer.content, Payloads()).payloads == [CLEAR, CLEAR]
        again = await client.post("/encode", content=body(CLEAR))
        (made,) = json_format.Parse(again.content, Payloads()).payloads
    assert await CODEC.decode([made]) == [CLEAR]


async def test_a_payload_under_another_key_is_said():
    (other,) = await EncryptionCodec([Key("k2", b"x" * 32)]).encode([CLEAR])
    async with endpoint() as client:
        answer = await client.post("/decode", content=body(other))
        assert (answer.status_code, "'k2'" in answer.text) == (400, True)
        for junk in (b"{", b"\xff", b'{"payloads": 3}'):
            assert (await client.post("/decode", content=junk)).status_code == 400


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (UI, True),
        ("http://localhost:8233", True),
        ("http://127.0.0.1:9999", False),
        ("https://evil.example", False),
    ],
)
async def test_only_pages_of_the_web_ui_may_read_the_answer(origin: str, allowed: bool):
    async with endpoint() as client:
        for method in ("OPTIONS", "POST"):
            headers = {"Origin": origin}
            answer = await client.request(method, "/decode", content=body(CLEAR), headers=headers)
            assert ("access-control-allow-origin" in answer.headers) == allowed


async def test_a_name_that_leads_to_this_machine_is_not_served():
    async with endpoint() as client:
        headers = {"Host": "evil.example:8088"}
        answer = await client.post("/decode", content=body(CLEAR), headers=headers)
    assert answer.status_code == 403


async def test_without_a_key_there_is_nothing_to_serve():
    with pytest.raises(UserError, match="there is no key"):
        await run_codec(Settings(_env_file=None), 0, "")
