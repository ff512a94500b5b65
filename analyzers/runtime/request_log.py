"""The log of what aiohttp's server sees: a client's malformed request is no fault of ours."""

import logging
from collections.abc import MutableMapping
from typing import Any, cast

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

_OF_CLIENTS = (HttpProcessingError, RequestPayloadError)


class _RequestLog(logging.LoggerAdapter[logging.Logger]):
    """Lowers what clients did to `DEBUG`: scanners send malformed requests on purpose."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log it; as `logging.LoggerAdapter.log`."""
        of_client = isinstance(kwargs.get("exc_info"), _OF_CLIENTS)
        super().log(logging.DEBUG if of_client else level, msg, *args, **kwargs)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Leave the record as it is."""
        return msg, kwargs


def request_log() -> logging.Logger:
    """What `web.AppRunner` takes as `logger`."""
    # aiohttp calls `debug` and `exception` of it, which an adapter has, too.
    return cast("logging.Logger", _RequestLog(logging.getLogger("aiohttp.server")))
