"""The variables of OpenTelemetry: the one exception to `settings.py` as reader of the environment.

The SDK reads them itself. Here is only decided whether it is loaded at all, and whether it would
understand them: it replaces what it does not understand by something else, each time with a line.
"""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "OTEL_"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_SAMPLERS = tuple(
    f"{parent}{name}"
    for parent in ("", "parentbased_")
    for name in ("always_on", "always_off", "traceidratio")
)


def is_wanted() -> bool:
    """Whether somebody asks for traces: an endpoint is set, and nothing says otherwise."""
    disabled = _value("OTEL_SDK_DISABLED").lower() == "true"
    none = _value("OTEL_TRACES_EXPORTER").lower() == "none"
    return not disabled and not none and any(map(_value, _ENDPOINTS))


def mistake() -> str:
    """The first variable that cannot be honoured, and what it may be; empty: there is none."""
    found = (_mistaken(name, wrong) for name, wrong in _CHECKS.items())
    return next((text for text in found if text), "")


def endpoint() -> str:
    """Where traces go, without what may be secret in it."""
    name = next((name for name in _ENDPOINTS if _value(name)), "")
    parts = urlsplit(_value(name))
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def timeout_s() -> float | None:
    """How long a batch may take, in seconds; None: no variable says it, or it says no limit.

    In the variable are milliseconds, as in OpenTelemetry's specification. The SDK for Python would
    take them for seconds.
    """
    text = next(filter(None, map(_value, _TIMEOUTS)), "")
    return int(text) / 1_000 or None if text.isdecimal() else None


def take() -> None:
    """Take these variables out of the environment: no program that is started inherits them."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


def names() -> list[str]:
    """The variables that are set."""
    return [name for name in os.environ if name.startswith(PREFIX)]


def is_set(name: str) -> bool:
    """Whether a variable has a value."""
    return bool(_value(name))


def resource_names() -> set[str]:
    """Which attributes of the resource are set."""
    pairs = _value("OTEL_RESOURCE_ATTRIBUTES").split(",")
    return {pair.partition("=")[0].strip() for pair in pairs}


def _value(name: str) -> str:
    return os.environ.get(name, "").strip()


def _mistaken(name: str, wrong: Callable[[str], str]) -> str:
    value = _value(name)
    cause = wrong(value) if value else ""
    return f"{name} {cause}" if cause else ""


def _no_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    return "" if usable else "is no URL such as http://localhost:4318"


def _one_of(*known: str) -> Callable[[str], str]:
    words = f"is not {' or '.join(known)}"
    return lambda value: "" if value.lower() in known else words


def _no_share(value: str) -> str:
    try:
        return "" if 0.0 <= float(value) <= 1.0 else "is not between 0 and 1"
    except ValueError:
        return "is no number between 0 and 1"


def _no_count(value: str) -> str:
    return "" if value.isdecimal() and int(value) > 0 else "is no whole number above 0"


def _no_milliseconds(value: str) -> str:
    """Zero is one: no limit."""
    return "" if value.isdecimal() else "is no whole number of milliseconds"


def _no_pairs(value: str) -> str:
    given = [pair for pair in value.split(",") if pair.strip()]
    return "" if all("=" in pair for pair in given) else "is no list name=value,name=value"


def _no_file(value: str) -> str:
    return "" if Path(value).is_file() else "names no file"


_OTLP: dict[str, Callable[[str], str]] = {
    "ENDPOINT": _no_url,
    "PROTOCOL": _one_of("http/protobuf"),
    "HEADERS": _no_pairs,
    "TIMEOUT": _no_milliseconds,
    "COMPRESSION": _one_of("none", "gzip", "deflate"),
    "CERTIFICATE": _no_file,
    "CLIENT_KEY": _no_file,
    "CLIENT_CERTIFICATE": _no_file,
}
_CHECKS: dict[str, Callable[[str], str]] = {
    **{f"OTEL_EXPORTER_OTLP_{name}": wrong for name, wrong in _OTLP.items()},
    **{f"OTEL_EXPORTER_OTLP_TRACES_{name}": wrong for name, wrong in _OTLP.items()},
    "OTEL_TRACES_EXPORTER": _one_of("otlp", "none"),
    "OTEL_TRACES_SAMPLER": _one_of(*_SAMPLERS),
    "OTEL_TRACES_SAMPLER_ARG": _no_share,
    "OTEL_BSP_SCHEDULE_DELAY": _no_count,
    "OTEL_BSP_EXPORT_TIMEOUT": _no_count,
    "OTEL_BSP_MAX_QUEUE_SIZE": _no_count,
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": _no_count,
    "OTEL_RESOURCE_ATTRIBUTES": _no_pairs,
}
