"""The log of a program: one form for our own records and those of libraries (`docs/tracing.md`).

Loads structlog: only programs that serve import it. A record is one line on standard error, JSON
or pretty, whatever is in it: texts of apps and tools may be hostile.
"""

import logging
import platform
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from structlog.types import EventDict, Processor

from telemetry.bound import fields, masked, of_workflow
from telemetry.spans import trace_ids

LogForm = Literal["auto", "json", "pretty"]
MAX_CHARS = 8_000
_FIRST = ("at", "level", "part", "logger", "message")
_OF_LIBRARIES = ("temporal_log", "__temporal_error_identifier", "color_message")
_TEMPORAL = ("temporal_workflow", "temporal_activity")
# One line per request of a scan, with its address; below that, frames and headers.
_CHATTY = {"httpx": 30, "httpx2": 30, "httpcore": 30, "websockets": 20}


def log_to_stderr(part: str, level: str = "INFO", form: LogForm = "auto") -> None:
    """Log to standard error from now on, in place of what was set up before.

    Args:
        part: of Assay, in each record.
        level: records below it are left out.
        form: `auto`: pretty on a terminal, else JSON.
    """
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    handler = _StderrHandler()
    handler.setFormatter(formatter(part, pretty=pretty))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quietest in _CHATTY.items():
        logging.getLogger(name).setLevel(max(quietest, logging.getLogger().level))


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to whatever is standard error when a record is written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


def formatter(part: str, *, pretty: bool) -> logging.Formatter:
    """Makes one line of a record, of whatever logger."""
    told: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _about(part),
        structlog.processors.format_exc_info,
        _ordered,
    ]
    last = _pretty if pretty else _json
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=told,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        keep_exc_info=False,
        keep_stack_info=False,
    )


def _about(part: str) -> Callable[[Any, str, EventDict], EventDict]:
    """Adds when, where and about what; what a library says of itself gives way to our names."""
    host = platform.node()

    def about(_logger: Any, _method: str, event: EventDict) -> EventDict:
        record: logging.LogRecord | None = event.get("_record")
        made = datetime.fromtimestamp(record.created, UTC) if record else datetime.now(UTC)
        event["at"] = made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event["part"], event["host"] = part, host
        event["message"] = event.pop("event", "")
        for name in _TEMPORAL:
            event.update(_of_temporal(event.pop(name, None)))
        for name in _OF_LIBRARIES:
            event.pop(name, None)
        return {**event, **fields(), **trace_ids()}

    return about


def _of_temporal(info: Any) -> Mapping[str, str]:
    if not isinstance(info, Mapping):
        return {}
    about = of_workflow(str(info.get("workflow_id", "")))
    named = {"activity": "activity_type", "attempt": "attempt"}
    return about | {ours: str(info[name]) for ours, name in named.items() if info.get(name)}


def _ordered(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The fields that each record has come first; texts are masked and bounded."""
    if "exception" in event:
        event["error"] = event.pop("exception")
    first = {name: event.get(name, "") for name in _FIRST}
    return {name: _bounded(value) for name, value in {**first, **event}.items()}


def _bounded(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | logging.LogRecord):
        return value
    text = masked(str(value))
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]} [{len(text)} characters]"


_json = structlog.processors.JSONRenderer(ensure_ascii=True)


def _pretty(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    known = {*_FIRST, "host", "error", "trace_id", "span_id"}
    about = " ".join(f"{key}={value}" for key, value in event.items() if key not in known)
    at, level = str(event["at"])[11:23], str(event["level"]).upper()
    line = f"{at} {level:<7} {event['logger']}: {event['message']}  {about}".rstrip()
    # A second line cannot be taken for a record: it is an escape, or it is indented.
    more = [f"    {text}" for text in str(event.get("error", "")).splitlines()]
    return "\n".join("".join(map(_shown, text)) for text in (line, *more))


def _shown(character: str) -> str:
    """What a terminal would obey, or not show, as an escape."""
    if character == "\t" or character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
