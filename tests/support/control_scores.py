"""Compares findings with the answer sheets of the control apps: found, missed, false."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from contract.analysis import Category, Finding
from contract.families import families_of

CONTROLS = Path(__file__).resolve().parents[2] / "controls"
FLAWED = ("careless-1/app1", "careless-1/app2")
CLEAN = ("careful-1/app1", "careful-1/app2")
SLACK_LINES = 3


@dataclass(frozen=True, slots=True)
class Label:
    """One weakness of an answer sheet."""

    name: str
    cwe: int
    file: str
    line: int

    def is_met_by(self, found: Finding) -> bool:
        """Whether a finding is about this place and this family of weaknesses."""
        place = found.location
        first, last = place.line or 0, max(place.line or 0, place.end_line or 0)
        near = first - SLACK_LINES <= self.line <= last + SLACK_LINES
        same = families_of(found.cwe) & families_of((self.cwe,))
        return place.path == self.file and near and bool(same)


def labels(app: str) -> tuple[Label, ...]:
    """What a static tool may find in a control app, by its answer sheet."""
    sheet = yaml.safe_load((CONTROLS / "labels" / app / "expected.yaml").read_text())
    return tuple(
        Label(item["id"], item["cwe"], item["file"], item["line"])
        for item in sheet["weaknesses"]
        if "static" in item["analyzers"]
    )


def met(app: str, findings: Iterable[Finding]) -> set[str]:
    """Names of the app's labels that some finding meets."""
    security = [found for found in findings if found.category is Category.SECURITY]
    return {
        label.name for label in labels(app) if any(label.is_met_by(found) for found in security)
    }


def security(findings: Iterable[Finding]) -> list[Finding]:
    """Security findings: on a clean app, each is a false one."""
    return [found for found in findings if found.category is Category.SECURITY]
