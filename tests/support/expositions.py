"""What a part of Assay shows at `/metrics`, read as a scraper reads it, and the page about it."""

import re
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
_ROW = re.compile(
    r"^\| `((?:assay|temporal|process|python)_[a-z0-9_]*\*?)` \|(.*)\|$", re.MULTILINE
)
_NAME = re.compile(r"assay(_[a-z0-9]+)+")
_SUFFIXES = ("_seconds", "_bytes", "_info")
_OF_EACH = {"le"}


@dataclass(frozen=True)
class Row:
    """One metric of the reference."""

    name: str
    kind: str
    labels: frozenset[str]
    part: str


def reference() -> dict[str, Row]:
    """The table of `docs/metrics.md`, by name; a name may end with `*`."""
    rows: dict[str, Row] = {}
    for name, rest in _ROW.findall(PAGE.read_text(encoding="utf-8")):
        kind, labels, _, part, _ = (cell.strip() for cell in rest.split("|"))
        named = frozenset(label.strip() for label in labels.split(",") if label.strip())
        assert name not in rows, name
        rows[name] = Row(name, kind, named, part)
    return rows


def families(text: str) -> dict[str, Metric]:
    """The families of an exposition, by the name that people use in queries."""
    return {shown_name(family): family for family in text_string_to_metric_families(text)}


def shown_name(family: Metric) -> str:
    """The name of its samples: a counter's ends with `_total`."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def faults(text: str, part: str) -> list[str]:
    """What is wrong with an exposition: metrics that are not in the table, or break the scheme."""
    rows, found = reference(), list[str]()
    for name, family in families(text).items():
        row = rows.get(name) or rows.get(f"{name.partition('_')[0]}_*")
        if row is None:
            found.append(f"{name}: not in docs/metrics.md")
            continue
        if not family.documentation:
            found.append(f"{name}: no HELP")
        if row.name.endswith("*"):
            continue
        if row.kind != family.type:
            found.append(f"{name}: is a {family.type}, not a {row.kind}")
        labels = {label for sample in family.samples for label in sample.labels} - _OF_EACH
        if labels - row.labels:
            found.append(f"{name}: labels {sorted(labels - row.labels)}")
        if part not in row.part and row.part != "all":
            found.append(f"{name}: shown by {part}")
        found += _scheme(name, family.type)
    return found


def _scheme(name: str, kind: str) -> list[str]:
    wrong: list[str] = []
    if not _NAME.fullmatch(name):
        wrong.append(f"{name}: not assay_lower_case")
    if kind == "histogram" and not name.endswith(_SUFFIXES):
        wrong.append(f"{name}: no unit")
    if re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", name):
        wrong.append(f"{name}: no base unit")
    return wrong


def total(text: str, name: str, **labels: str) -> float:
    """Sum of the samples of `name` that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
