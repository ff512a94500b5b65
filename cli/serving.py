"""Serves the dashboard in this process until a signal ends it, gracefully."""

import json
import logging
import socket
import sys
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI

from cli.errors import UserError
from cli.exits import Exit
from contract.doors import base_url
from telemetry.logs import LogForm, log_to_stderr

# What is still being answered when a signal comes may take so long; live views end at once.
_GRACE_S = 3
# A longer first line is refused by the dashboard itself, with a page that says so.
_HEAD_BYTES = 8 * 1024 * 1024
_ASKED = ("address", "method", "path", "http", "status")  # what uvicorn logs of a request


class Serving(uvicorn.Server):
    """A server that tells the application when it is asked to end."""

    def __init__(self, app: FastAPI, *, log_requests: bool) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=log_requests,
                proxy_headers=False,  # whom a header names is decided where one is let in
                server_header=False,
                ws="none",
                h11_max_incomplete_event_size=_HEAD_BYTES,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams of live views, then everything else."""
        self._app.state.ending.set()
        await super().shutdown(sockets)


class JsonLines(logging.Formatter):
    """One JSON object for each request; the query is left out: it may hold what is secret."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a request as uvicorn logs it."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if not isinstance(record.args, tuple) or len(record.args) != len(_ASKED):
            return json.dumps({"at": at, "message": record.getMessage()})
        asked = dict(zip(_ASKED, record.args, strict=True))
        asked["path"] = str(asked["path"]).partition("?")[0]
        return json.dumps({"at": at, **asked})


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket, and the address to type. `localhost` is 127.0.0.1, whatever resolves it.

    Raises:
        UserError: there is no such address, or the port is taken.
    """
    try:
        name = "127.0.0.1" if host.lower() == "localhost" else host
        family, _, _, _, own = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(own, family=family, backlog=512)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            next_step="choose another --host or --port, or end what listens there",
            code=Exit.UNAVAILABLE,
        ) from error
    return listening, base_url(host, int(listening.getsockname()[1]))


def set_up_log(level: str, form: LogForm, *, requests: bool) -> None:
    """Set up the log, with requests as lines of JSON if asked for."""
    log_to_stderr("dashboard", level, form)
    if level != "DEBUG":
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if requests:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        access = logging.getLogger("uvicorn.access")
        access.handlers, access.propagate = [handler], False
        access.setLevel(logging.INFO)
