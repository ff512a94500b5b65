"""Helpers to read reports: explicit maps, coverage, findings, answers not understood."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, TypeVar

from analyzers.runtime.reasons import skipped as skipped_entry
from analyzers.runtime.tool import Parsed, ToolFault
from contract.analysis import Category, Confidence, Coverage, Finding, Location, Severity
from contract.identity import fingerprint

T = TypeVar("T")

MAX_SKIPPED = 50
_MAX_MESSAGE = 4_000
_MAX_EVIDENCE = 2_000


@dataclass(slots=True)
class Gathered:
    """Findings read one by one: an answer that is not understood costs its file, not the report.

    Attributes:
        findings: those that were understood.
        reasons: files with other answers, or that the tool says it did not read.
    """

    findings: list[Finding] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, read: Callable[[], Finding]) -> None:
        """Keep the finding that `read` makes of one message about the file `path`."""
        try:
            self.findings.append(read())
        except (ToolFault, KeyError, TypeError, ValueError) as error:
            message = (
                str(error) if isinstance(error, ToolFault) else f"{type(error).__name__} {error}"
            )
            self.reasons.setdefault(
                path, f"an answer of the tool is not understood: {message}"[:500]
            )


def relative(path: str, given: frozenset[str]) -> str:
    """A report's `path` (with `./` or `file://` before it) as one of the files that were given.

    Raises:
        ToolFault: it is none of them, so the tool looked at something else.
    """
    name = str(PurePosixPath(path.removeprefix("file://")))
    if name not in given:
        raise ToolFault(f"report names a file that was not given: {path}")
    return name


def mapped(table: Mapping[Any, T], value: Any, member: str) -> T:
    """`table[value]`. Raises: ToolFault: unknown values are errors, never a default."""
    try:
        return table[value]
    except (KeyError, TypeError):
        raise ToolFault(f"unknown {member}: {value!r}") from None


def load_json(raw: bytes, tool: str) -> Any:
    """The JSON of a report. Raises: ToolFault when it is none, or nothing at all."""
    try:
        return json.loads(raw)
    except ValueError as exc:
        start = raw[:200].decode(errors="replace")
        raise ToolFault(f"{tool}: report is no JSON ({exc}): {start!r}") from None


def coverage(
    given: Sequence[str], reached: Iterable[str], reasons: Mapping[str, str] | None = None
) -> Coverage:
    """Files given and reached; the others are skipped, with the reason that a tool gave."""
    missing = sorted(set(given) - (set(reached) - set(reasons or {})))
    why = reasons or {}
    skipped = tuple(
        skipped_entry(name, why.get(name, "not read by the tool")) for name in missing[:MAX_SKIPPED]
    )
    return Coverage(
        unit="files",
        given=len(given),
        reached=len(given) - len(missing),
        skipped=skipped,
        skipped_total=len(missing),
    )


def with_skipped(parsed: Parsed, skipped: Mapping[str, str]) -> Parsed:
    """`parsed`, counting things that the tool never got as given and skipped."""
    if not skipped:
        return parsed
    covered = parsed.coverage
    more = tuple(skipped_entry(name, why) for name, why in skipped.items())
    update = {
        "given": (covered.given or covered.reached) + len(more),
        "skipped": (*covered.skipped, *more)[:MAX_SKIPPED],
        "skipped_total": covered.skipped_total + len(more),
    }
    return replace(parsed, coverage=covered.model_copy(update=update))


def finding(
    tool: str,
    rule_id: str,
    message: str,
    location: Location,
    snippet: str,
    *,
    severity: Severity,
    confidence: Confidence = Confidence.MEDIUM,
    category: Category = Category.SECURITY,
    cwe: tuple[int, ...] = (),
    identity: tuple[str, str] | None = None,
) -> Finding:
    """A finding with its texts cut to the contract's limits.

    The runtime gives it the fingerprint of its code. `identity` replaces that: an advisory and a
    package, or what else is known in the same way wherever it stands in its file.
    """
    return Finding(
        tool=tool,
        rule_id=rule_id,
        message=message.strip()[:_MAX_MESSAGE],
        severity=severity,
        confidence=confidence,
        category=category,
        cwe=cwe,
        location=location,
        fingerprint=fingerprint(*identity, location.path or "") if identity else "",
        witnesses=(f"{tool}:{rule_id}",),
        evidence=snippet[:_MAX_EVIDENCE],
    )


def positive(value: Any) -> int | None:
    """A line or column as the contract wants it: from 1, or None."""
    return value if isinstance(value, int) and value >= 1 else None
