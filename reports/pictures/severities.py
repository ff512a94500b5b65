"""Bars of findings by severity, a bar per model, template or tool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract.analysis import Severity
from reports.pictures.drawing import Drawing, Picture, width_of
from reports.pictures.scales import Scale, from_zero, label

_WIDTH, _LABELS, _TOTALS, _ROW, _BAR, _TOP = 860.0, 190.0, 260.0, 28.0, 18.0, 44.0
_DARK = (Severity.CRITICAL, Severity.HIGH)


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """Findings of one model (or template, or tool).

    Attributes:
        counts: by severity, as sums or per app; None: nobody looked.
        note: beside its total, such as how many apps stand behind it.
    """

    label: str
    counts: Mapping[Severity, float] | None
    note: str = ""


def severity_bars(
    rows: Sequence[SeverityRow], what: str = "security findings", name: str = "severities"
) -> Picture:
    """A bar per row, the gravest findings first. A row without figures says so, and has no bar."""
    drawing = Drawing(name, _WIDTH, _TOP + len(rows) * _ROW + 44)
    totals = [sum(row.counts.values()) for row in rows if row.counts is not None]
    scale = from_zero(max(totals, default=0), _LABELS, _WIDTH - _TOTALS)
    _axis(drawing, scale, what)
    _legend(drawing)
    for at, row in enumerate(rows):
        top = _TOP + at * _ROW
        drawing.text("ink", _LABELS - 8, top + 13, row.label, "end", _LABELS - 14)
        _bar(drawing, scale, top, row)
    title = f"{what[:1].upper()}{what[1:]} by severity"
    return drawing.picture(title, "; ".join(map(_told, rows)) or "No rows.")


def _bar(drawing: Drawing, scale: Scale, top: float, row: SeverityRow) -> None:
    if row.counts is None:
        drawing.rect("unknown", _LABELS, top, 170, _BAR)
        drawing.text("soft", _LABELS + 8, top + 13, "unknown: not measured")
        return
    at = 0.0
    for severity in Severity:
        value = row.counts.get(severity, 0)
        start, end = scale.at(at), scale.at(at + value)
        drawing.rect(severity.value, start, top, max(0.0, end - start - 1), _BAR)
        if end - start > width_of(label(value)) + 6:
            look = "on-dark" if severity in _DARK else "on-light"
            drawing.text(look, (start + end) / 2, top + 13, label(round(value, 1)), "middle")
        at += value
    words = f"{label(round(at, 1))}{f' {row.note}' if row.note else ''}"
    drawing.text("soft", scale.at(at) + 6, top + 13, words, room=_WIDTH - scale.at(at) - 10)


def _axis(drawing: Drawing, scale: Scale, what: str) -> None:
    bottom = drawing.height - 40
    for tick in scale.ticks():
        drawing.line("grid", scale.at(tick), _TOP - 6, scale.at(tick), bottom)
        drawing.text("soft", scale.at(tick), bottom + 14, label(tick), "middle")
    drawing.text("soft", (scale.start + scale.end) / 2, bottom + 32, what, "middle")


def _legend(drawing: Drawing) -> None:
    x = _LABELS
    for severity in Severity:
        drawing.rect(severity.value, x, 12, 12, 12)
        drawing.text("ink", x + 18, 22, severity.value)
        x += 34 + width_of(severity.value)


def _told(row: SeverityRow) -> str:
    if row.counts is None:
        return f"{row.label}: not measured"
    known = ((severity, row.counts.get(severity, 0)) for severity in Severity)
    counts = ", ".join(f"{label(round(n, 1))} {severity.value}" for severity, n in known if n)
    return f"{row.label}: {counts or 'none'}"
