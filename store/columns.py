"""Column types that mean the same on SQLite and PostgreSQL, and values both of them can hold."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError
from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always timezone-aware and in UTC; SQLite alone would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments: nobody can know which zone they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back where the database has none."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def clean_text(text: str) -> str:
    """`text` without what PostgreSQL cannot store: NUL and lone surrogates become U+FFFD.

    Apps under test choose these strings; a scanner that quotes them must not break the recording.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if 0xD800 <= ord(char) <= 0xDFFF else char for char in text)
    return text


def clean_json(value: Any) -> Any:
    """`value` with every text cleaned and every NaN or infinity as None."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def dump_json(value: Any) -> str:
    """JSON of a value or a model that both databases accept; it is cleaned only if need be."""
    if isinstance(value, BaseModel):
        try:
            text = value.model_dump_json()
        except (PydanticSerializationError, UnicodeEncodeError):
            text = "\\u0000"
        return text if "\\u0000" not in text else dump_json(value.model_dump(mode="python"))
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = "\\u0000"
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(clean_json(value), separators=(",", ":"), allow_nan=False)
    return text
