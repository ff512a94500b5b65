"""A line of a program's log as a record: our JSON, or text of older programs and of libraries.

What a line says is not believed to have any form: it may be torn, cut, or written by an app.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contract.analyzers import AnalyzerKind
from control.errors import WrongInputError
from control.log_documents import LogLine

PARTS = ("worker", *AnalyzerKind, "dashboard")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TEXT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ([A-Z]{4,8}) (?:([\w.-]+):? )?(.*)")
_AGO = re.compile(r"(\d{1,6})([smhd])")
_NAMES = ("pipeline", "app", "subtask", "trace_id", "error")
_KNOWN = {*_NAMES, "at", "level", "logger", "message", "part", "host", "span_id"}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for.

    Attributes:
        app: `model/appN`; empty: of all, and of none.
        level: the least one.
        since: none that are older, or whose time is not known; None: all.
    """

    pipeline_id: str
    app: str = ""
    parts: tuple[str, ...] = PARTS
    level: str = "DEBUG"
    since: datetime | None = None

    def may_have(self, raw: bytes) -> bool:
        """Whether a line can be one of them: most need not be read further."""
        return self.pipeline_id.encode() in raw

    def has(self, line: LogLine) -> bool:
        """Whether the record is one of them."""
        if line.level in LEVELS and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        if self.since is not None and (line.at is None or line.at < self.since):
            return False
        return self._is_about(line)

    def _is_about(self, line: LogLine) -> bool:
        text = f"{line.message}\n{line.subtask}\n{line.error}"
        of_pipeline = line.pipeline == self.pipeline_id or (
            not line.pipeline and _names(text, self.pipeline_id)
        )
        if not of_pipeline or not self.app:
            return of_pipeline
        return line.app == self.app or (not line.app and _names(text, self.app))


def _names(text: str, name: str) -> bool:
    """Whether the text has the name as a whole: `p1` is not in `p10`."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


def record_of(part: str, raw: bytes, before: LogLine | None = None) -> LogLine:
    """The record of a line.

    Args:
        part: whose log it is in.
        raw: the line.
        before: the line of text above it; one without a time goes on with it.
    """
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if text.startswith("{"):
        try:
            return _of_json(part, json.loads(text))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            pass
    if found := _TEXT.fullmatch(text):
        at = datetime.strptime(f"{found[1]}.{found[2]}", "%Y-%m-%d %H:%M:%S.%f").astimezone(UTC)
        level = found[3] if found[3] in LEVELS else "INFO"
        return LogLine(at=at, part=part, level=level, logger=found[4] or "", message=found[5])
    if before is not None:
        return before.model_copy(update={"message": text})
    return LogLine(at=None, part=part, message=text)


def _of_json(part: str, told: dict[str, Any]) -> LogLine:
    level = str(told.get("level", "")).upper()
    return LogLine(
        at=_moment(told.get("at")),
        part=part,
        level=level if level in LEVELS else "INFO",
        logger=str(told.get("logger", "")),
        message=str(told["message"]) if "message" in told else _request(told),
        **{name: str(told.get(name, "")) for name in _NAMES},
        more={key: str(value) for key, value in told.items() if key not in _KNOWN},
    )


def _request(told: dict[str, Any]) -> str:
    """A request in the dashboard's log."""
    return " ".join(str(told[name]) for name in ("method", "path", "status") if name in told)


def _moment(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def since_of(text: str, now: datetime) -> datetime:
    """The moment that `10m`, `2h`, or a time in ISO 8601 names; without a zone it is UTC.

    Raises:
        WrongInputError: it names none.
    """
    if found := _AGO.fullmatch(text.strip()):
        return now - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    moment = _moment(text.strip())
    if moment is None:
        raise WrongInputError(
            f"--since {text[:60]!r} is no time", next_step="write 10m, 2h, or 2026-01-31T08:00:00Z"
        )
    return moment
