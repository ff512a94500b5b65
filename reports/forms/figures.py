"""Figures of the study as text: the same digits in LaTeX and Markdown."""

from collections.abc import Iterable

from reports.study.figures import Figure, Measure

UNKNOWN = "n/a"
"""Where a figure is not known; never a zero, never a blank."""


def number(value: float) -> str:
    """Three digits that count: `0.012`, `4.5`, `182`, `5,400`; with a true minus sign."""
    if value < 0:
        return f"−{number(-value)}"
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:,.0f}"
    places = 1 if value >= 10 else 2 if value >= 1 else 3
    text = f"{value:.{places}f}" if value >= 0.001 else f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def in_unit(measure: Measure, value: float) -> str:
    """A value as it is read: shares in percent."""
    return number(100 * value) if measure.kind in ("share", "pass_at_k") else number(value)


def unit_of(measure: Measure) -> str:
    """The unit in which `in_unit` writes; empty for plain numbers."""
    return "%" if measure.kind in ("share", "pass_at_k") else measure.unit


def shown(measure: Measure, figure: Figure | None) -> str:
    """`65 [43, 82]`, and ` (3)` where three apps that should be in it were not measured."""
    if figure is None or figure.value is None:
        lost = f" ({figure.missing})" if figure and figure.missing else ""
        return f"{UNKNOWN}{lost}"
    parts = [f"{'≥' * figure.at_least}{in_unit(measure, figure.value)}"]
    if figure.low is not None and figure.high is not None:
        parts.append(f"[{in_unit(measure, figure.low)}, {in_unit(measure, figure.high)}]")
    if figure.missing:
        parts.append(f"({figure.missing})")
    return " ".join(parts)


def difference(measure: Measure, figure: Figure) -> str:
    """A difference with its sign: `+12 [-3, 25]`."""
    if figure.value is None:
        return UNKNOWN
    sign = "+" if figure.value > 0 else ""
    text = f"{sign}{in_unit(measure, figure.value)}"
    if figure.low is None or figure.high is None:
        return text
    return f"{text} [{in_unit(measure, figure.low)}, {in_unit(measure, figure.high)}]"


def p_value(p: float | None) -> str:
    """A p-value as papers print it."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def tied(groups: Iterable[Iterable[str]]) -> str:
    """Sets of tied models, best first: `{a, b} > {c}`."""
    return " > ".join(f"{{{', '.join(group)}}}" for group in groups)
