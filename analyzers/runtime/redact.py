"""Removes the secrets of a call from reports and attachments: an app may show what it was sent."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from contract.analysis import SubtaskRequest, ToolReport

MASK = "***"
_SHORT = 4  # shorter values are no secrets: to mask them would make a text unreadable
_LONG = 8  # shorter values are masked as whole words only: `admin` is part of many words
# Fields that identify rows; none of them holds text of an app.
_NAMES = frozenset(
    {"tool", "version", "state", "rule_id", "severity", "confidence", "category", "fingerprint"}
    | {
        "witnesses",
        "name",
        "unit",
        "rules_digest",
        "code_digest",
        "attachments",
        "started_at",
        "cached_from",
    }
    | {"aliases", "shape"}
)


def redacted(report: ToolReport, folder: Path, request: SubtaskRequest) -> ToolReport:
    """`report` without the request's secrets, and its attachments in `folder` as well. Blocking."""
    if not request.secrets:
        return report
    redaction = Redaction(request.secrets)
    redaction.files(folder / name for name in report.attachments)
    return redaction.report(report)


class Redaction:
    """Masks secrets, also in the forms that they have in URLs, pages and JSON."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        words = {part for value in secrets.values() for part in _parts(value)}
        forms = {form for word in words for form in _forms(word)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_matching, longest_first))) if forms else None

    def report(self, report: ToolReport) -> ToolReport:
        """`report` with masks in all free text."""
        if self._pattern is None:
            return report
        return ToolReport.model_validate(self._value(report.model_dump()))

    def text(self, text: str) -> str:
        """`text` with masks."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def files(self, paths: Iterable[Path]) -> None:
        """Mask in files without changing their size, so that a picture stays valid. Blocking."""
        if self._pattern is None:
            return
        pattern = re.compile(self._pattern.pattern.encode())
        for path in paths:
            before = path.read_bytes()
            after = pattern.sub(lambda found: b"*" * len(found[0]), before)
            if after != before:
                path.write_bytes(after)

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value) if type(value) is str else value
            case dict():
                return {
                    key: item if key in _NAMES else self._value(item) for key, item in value.items()
                }
            case list() | tuple():
                return [self._value(item) for item in value]
            case _:
                return value


def _parts(value: str) -> set[str]:
    """The whole value and each long word of it: a page may show the token of a header alone."""
    words = [word for word in re.split(r"[\s;=,\"]+", value) if len(word) >= _LONG]
    return {*words, *([value.strip()] if len(value.strip()) >= _SHORT else [])}


def _forms(word: str) -> set[str]:
    return {
        *(word, quote(word), quote(word, safe=""), quote_plus(word)),
        *(html.escape(word), json.dumps(word)[1:-1]),
    }


def _matching(form: str) -> str:
    text = re.escape(form)
    return text if len(form) >= _LONG else rf"(?<!\w){text}(?!\w)"
