"""Requests that showed a finding, with their answers, kept whole beside the report.

Evidence in a report is short. Who has to mend an app wants to see what was sent and what came back:
both as text, without logins, each body cut.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from analyzers.dynamic.answer import Answer, Sent
from contract.analysis import Finding
from contract.attached import exchange_key

BODY_CHARS, HEADER_CHARS = 4_000, 500
_MOST_OF_ONE, _MOST = 4, 300
_MASK = "***"
_LOGINS = frozenset({"cookie", "authorization", "proxy-authorization"})
_SETTING = re.compile(r"(?m)^((?:export )?[A-Z][A-Z0-9_]+[ \t]*=[ \t]*).+$")
# Bounded on all sides: the app chooses the text, and one long word must not cost the square of it.
_PASSWORD = re.compile(
    r"(?i)(?<!\w)(\w{0,30}(?:password|passwd|secret|token|api_?key)\w{0,30}"
    r"[\"']?[ \t]{0,9}[:=][ \t]{0,9}[\"']?)([^\"'&\s,}]+)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def sent_of(request: httpx.Request) -> Sent:
    """What was really sent; a body that is read only once is not known."""
    try:
        body = request.content
    except httpx.RequestNotRead:
        body = b"(a form with files)"
    return Sent(request.headers, body[: 2 * BODY_CHARS], len(body))


@dataclass(slots=True)
class Exchanges:
    """Those of one tool.

    Attributes:
        secrets: texts that are masked wherever they stand: sessions' tokens.
    """

    tool: str
    secrets: frozenset[str] = frozenset()
    _kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    _count: int = 0

    def add(self, finding: Finding, answers: Iterable[Answer | None]) -> None:
        """Keep the answers that showed a finding; the first ones, if there are too many."""
        mine = self._kept.setdefault(exchange_key(finding), [])
        for answer in answers:
            if answer is None or len(mine) >= _MOST_OF_ONE or self._count >= _MOST:
                continue
            mine.append(self._written(answer))
            self._count += 1

    def rows(self) -> Mapping[str, Sequence[dict[str, Any]]]:
        """What is kept, by `exchange_key`."""
        return self._kept

    def _written(self, answer: Answer) -> dict[str, Any]:
        sent = answer.sent or Sent(httpx.Headers(), b"", 0)
        request = sent.body.decode("utf-8", "replace")[:BODY_CHARS]
        text = answer.text
        head = [f"{answer.method} {answer.path[:BODY_CHARS]} HTTP/1.1", *_lines(sent.headers)]
        status = [f"HTTP {answer.status}", *_lines(answer.headers)]
        return {
            "tool": self.tool,
            "request": self._clean("\n".join([*head, "", request])),
            "status": answer.status,
            "answer": self._clean("\n".join([*status, "", text[:BODY_CHARS]])),
            "cut": len(text[BODY_CHARS:].encode("utf-8", "replace")),
        }

    def _clean(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        text = _PASSWORD.sub(rf"\1{_MASK}", _SETTING.sub(rf"\1{_MASK}", text))
        return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text).strip("\n")


def document_of(every: Iterable[Exchanges]) -> bytes:
    """The attachment of a tool that looked at several targets; empty: nothing is kept."""
    kept: dict[str, list[dict[str, Any]]] = {}
    for own in every:
        for key, rows in own.rows().items():
            if rows:
                kept.setdefault(key, []).extend(rows)
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace") if kept else b""


def secrets_of(headers: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Words of sessions' headers that are long enough to be a login."""
    values = (value for own in headers for value in own.values())
    words = {word for value in values for word in re.split(r"[\s;=,\"]+", value)}
    return frozenset(word for word in words if len(word) >= 8)


def _lines(headers: httpx.Headers) -> list[str]:
    """Header fields as lines; a login in them is masked, names and attributes of cookies stay."""
    found: list[str] = []
    for name, value in headers.multi_items():
        if name.lower() in _LOGINS or "csrf" in name.lower() or "token" in name.lower():
            value = _MASK
        elif name.lower() == "set-cookie":
            value = re.sub(r"=[^;]*", f"={_MASK}", value, count=1)
        found.append(f"{name}: {value[:HEADER_CHARS]}")
    return found
