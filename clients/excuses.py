"""What else than the app itself may have kept it from starting: our part in its failure.

Errors that have nothing to do with our part stay the app's: an undefined name, a missing module of
its own, a syntax error in every version of its language.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from clients import blame
from clients.log_lines import cause_line, plain
from clients.substitution import Substitution, start_cause
from contract.blame import Row

_OWN_ERROR = re.compile(
    r"\b(?:Syntax|Indentation|Tab|Name|UnboundLocal|ModuleNotFound|Import|Reference)Error\b"
    r"|Cannot find (?:module|package)|ERR_MODULE_NOT_FOUND"
)
_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ECONNREFUSED"
    r"|Temporary failure in name resolution|Name or service not known|nodename nor servname"
    r"|[Nn]etwork is unreachable|No route to host|getaddrinfo failed|Could not resolve host"
    r"|Failed to resolve|no such host|i/o timeout|[Cc]onnect(?:ion)?\w* (?:to \S+ )?timed out"
    r"|ConnectTimeout|Max retries exceeded|NewConnectionError|ServerSelectionTimeoutError"
)
_RESOLUTION = re.compile(r"EAI_AGAIN$|name resolution|Name or service not known|nodename nor")
_DOMAIN = re.compile(
    r"(?<![\w./@-])((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:com|org|net|info|dev|app|cloud|xyz"
    r"|tech|site|online|store|edu|gov|example|test|invalid|[a-z]{2}))(?![\w.(=-])"
)
_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
# A name without a dot is one of the app's own services, or one that it forgot.
_INNER = re.compile(
    r"(?:ENOTFOUND|EAI_AGAIN|host name|host=|server host|resolve host:?) ?['\"]?[\w-]+['\"]?"
    r"(?![\w.])"
    r"|(?<![\w.])[A-Za-z][\w-]*:\d{2,5}\b"
)
# Names that look like domains and are files.
_NO_DOMAIN = re.compile(r"\.(?:py|js|ts|sh|db|so|md|go|rs|rb|cs)$")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The circumstances that an app was started under.

    Attributes:
        substitutions: base images that were replaced by others.
        not_honoured: settings that it may need and did not get.
        egress_denied: whether it cannot reach addresses outside.
        asked_outside: whether it was seen to try.
    """

    substitutions: tuple[Substitution, ...] = ()
    not_honoured: tuple[str, ...] = ()
    egress_denied: bool = False
    asked_outside: bool = False


def excuse(log: str, under: Circumstances) -> tuple[Row, str] | None:
    """The part of `under` that may have caused the failed start with this `log`; None: none may."""
    text = plain(log[-40_000:])
    if cause := start_cause(text, under.substitutions):
        return blame.STAND_IN, f"{cause}; load the original image, then retry the app"
    if _OWN_ERROR.search(cause_line(text)):
        return None
    if needed := _needed(text, under.not_honoured):
        return blame.NOT_HONOURED, f"not honoured, and it may need it: {'; '.join(needed[:3])}"
    if under.egress_denied and (asked := _asked(text, under.asked_outside)):
        return blame.NETWORK_DENIED, f"{asked}; submit it with `egress: allow`"
    return None


def _needed(text: str, settings: tuple[str, ...]) -> list[str]:
    """The settings that may matter; a variable of the host only when the log names it."""
    found: list[str] = []
    for setting in settings:
        variable = re.search(r"\b(?:environment|build\.args)\.(\w+) ", setting)
        if variable is None or re.search(rf"\b{re.escape(variable[1])}\b", text):
            found.append(setting)
    return found


def _asked(text: str, tried_outside: bool) -> str:
    """The sign that the app asked for an address outside; empty when there is none."""
    for line in reversed(text.splitlines()[-200:]):
        match = _NETWORK.search(line[:1_000])
        if match is None:
            continue
        outside = next(_outside(line[:1_000]), "")
        if outside:
            return f"asked for {outside}, and `egress: deny` closes the way out"
        unnamed = not _INNER.search(line) and not _ADDRESS.search(line)
        if unnamed and (tried_outside or _RESOLUTION.search(line)):
            return (
                f"asked for an address outside, and `egress: deny` closes the way out: {line[:120]}"
            )
    if tried_outside and not text.strip():
        return "asked for an address outside before it ended, and `egress: deny` closes the way out"
    return ""


def _outside(line: str) -> Iterator[str]:
    for match in _DOMAIN.finditer(line.lower()):
        if not _NO_DOMAIN.search(match[1]):
            yield match[1]
    for match in _ADDRESS.finditer(line):
        try:
            if ipaddress.IPv4Address(match[1]).is_global:
                yield match[1]
        except ValueError:
            continue
