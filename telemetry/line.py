"""The connection to a collector: what it answers is judged here, and read in bounds.

The exporter takes a redirect for success, reads answers of any length, and looks into none. Loads
OpenTelemetry and requests: only `delivery.py` imports it, where tracing is on.
"""

import time
from collections.abc import Callable
from typing import Any

import requests
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from urllib3.exceptions import HTTPError

_MAX_BYTES, _BLOCK_BYTES = 64 * 1024, 4096
_PROTOBUF, _PAGE = "application/x-protobuf", "text/html"


class RefusedError(Exception):
    """The answer is none of a collector; it is not asked again."""


class Line(requests.Session):
    """Sends what the exporter sends.

    Args:
        lost: is told in a few words why something did not arrive.
    """

    def __init__(self, lost: Callable[[str], None]) -> None:
        super().__init__()
        self._lost = lost
        self.took_all = False

    def request(self, method: Any, url: Any, *args: Any, **more: Any) -> requests.Response:
        """Ask the collector, follow nothing, and read of its answer 64 KiB at most.

        Raises:
            RefusedError: it sends elsewhere, or says what no collector says.
            RequestException: it was not reached, or not in time.
        """
        self.took_all = False
        ends_s = time.monotonic() + (more.get("timeout") or 0)
        try:
            response = super().request(method, url, *args, **{**more, "stream": True})
            with response:
                self._judge(response, ends_s)
        except (requests.RequestException, RefusedError) as error:
            self._lost(str(error) if isinstance(error, RefusedError) else type(error).__name__)
            raise
        return response

    def _judge(self, response: requests.Response, ends_s: float) -> None:
        """Look at an answer; one that asks to try again is the exporter's."""
        status = response.status_code
        if status in range(300, 400):
            raise RefusedError(f"HTTP {status}: it sends elsewhere")
        if status not in range(200, 300):
            self._lost(f"HTTP {status}")
            return
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == _PAGE:
            raise RefusedError("a page answers, no collector")
        body = _read(response, ends_s)
        if kind == _PROTOBUF and (rejected := _rejected(body)):
            self._lost(f"it refused {rejected} spans")
            return
        self.took_all = True


def _read(response: requests.Response, ends_s: float) -> bytes:
    """The answer of one that took the batch: nothing of it is worth sending the batch again."""
    body = b""
    try:
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=True):
            body += block
            if len(body) > _MAX_BYTES or time.monotonic() > ends_s:
                raise RefusedError("its answer does not end")
    except (OSError, HTTPError):
        raise RefusedError("its answer broke off") from None
    return body


def _rejected(body: bytes) -> int:
    """How many spans a collector did not take, which it says with status 200.

    Raises:
        RefusedError: it is no answer of a collector.
    """
    try:
        return ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans
    except DecodeError:
        raise RefusedError("it answers what no collector answers") from None
