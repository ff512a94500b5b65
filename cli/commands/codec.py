"""`codec`: decrypts payloads for Temporal's Web UI and CLI, on loopback, while it runs.

The protocol is Temporal's remote codec: `POST /decode` and `/encode` of `Payloads` as JSON.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads

from cli.errors import UserError
from cli.exits import Exit
from cli.output import say
from cli.stack.lifecycle import running_stack
from cli.terminal import stdout
from clients.codec import VARIABLES, EncryptionCodec, parse_keys
from contract.errors import PlatformError
from settings import Settings

_HOST = "127.0.0.1"
_HEADERS = "content-type,x-namespace,authorization"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def run_codec(settings: Settings, port: int, ui: str) -> Exit:
    """Serve until interrupted.

    Raises:
        UserError: there is no key, or the port is taken.
    """
    keys = parse_keys(settings.payload_key_text)
    if not keys:
        raise UserError("nothing is encrypted: there is no key", next_step=f"set {VARIABLES}")
    stack = running_stack(settings)
    ui_url = ui or (stack.ui_url if stack else "")
    runner = web.AppRunner(application(EncryptionCodec(keys), ui_url))
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
        stdout.print(f"codec endpoint: http://{_HOST}:{runner.addresses[0][1]}", soft_wrap=True)
        say("Ctrl-C ends it")
        await asyncio.Event().wait()
    except OSError as error:
        raise UserError(
            f"cannot listen on {_HOST}:{port}: {error.strerror}", next_step="choose another --port"
        ) from error
    finally:
        await runner.cleanup()
    return Exit.OK


def application(codec: EncryptionCodec, ui: str) -> web.Application:
    """The server; pages of `ui` (`http://host:port`) may read its answers, no others."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host.rpartition(":")[0] not in (_HOST, "localhost"):  # a name led here to us
            return web.Response(status=HTTPStatus.FORBIDDEN)
        answer = await handler(request)
        if ui and request.headers.get("Origin") in (ui, ui.replace(_HOST, "localhost")):
            answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            answer.headers["Access-Control-Allow-Headers"] = _HEADERS
        return answer

    async def allow(_request: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def convert(request: web.Request) -> web.Response:
        work = codec.decode if request.path == "/decode" else codec.encode
        try:
            given = json_format.Parse(await request.read(), Payloads())
            done = Payloads(payloads=await work(given.payloads))
        except (json_format.ParseError, UnicodeDecodeError) as error:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"no payloads: {error}")
        except PlatformError as error:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=error.message)
        return web.json_response(text=json_format.MessageToJson(done))

    app = web.Application(middlewares=[guard], client_max_size=64 * 1024 * 1024)
    for path in ("/decode", "/encode"):
        app.router.add_post(path, convert)
        app.router.add_route("OPTIONS", path, allow)
    return app
