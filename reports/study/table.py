"""The fleet as a table: which app stands for which model on which template."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal

from contract.spec import AppRole
from reports.study.figures import Design, block_name
from reports.study.measures import Look
from reports.study.seeing import Seen, finite
from reports.summary import AppSummary

Cells = Mapping[str, Mapping[str, Sequence[Seen]]]
"""What apps say of one measure, by model and template."""


@dataclass(frozen=True)
class Table:
    """Subjects by model and template, and the others apart."""

    subjects: tuple[AppSummary, ...]
    others: tuple[AppSummary, ...]

    @classmethod
    def of(cls, apps: Iterable[AppSummary]) -> "Table":
        """The table of these apps, whatever their order."""
        ordered = sorted(apps, key=lambda app: (app.role, app.ref.model, app.ref.app_number))
        return cls(
            tuple(app for app in ordered if app.role is AppRole.SUBJECT),
            tuple(app for app in ordered if app.role is not AppRole.SUBJECT),
        )

    @cached_property
    def by_cell(self) -> dict[str, dict[str, list[AppSummary]]]:
        """Apps by model and template."""
        cells: dict[str, dict[str, list[AppSummary]]] = {}
        for app in self.subjects:
            cells.setdefault(app.ref.model, {}).setdefault(block_of(app), []).append(app)
        return cells

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Models in order."""
        return tuple(self.by_cell)

    @cached_property
    def templates(self) -> tuple[str, ...]:
        """Templates in order: declared ones, then app numbers as numbers."""
        found = {
            (app.template or "", app.ref.app_number if not app.template else 0): block_of(app)
            for app in self.subjects
        }
        return tuple(found[key] for key in sorted(found, key=lambda key: (not key[0], *key)))

    @cached_property
    def over_models(self) -> dict[str, list[AppSummary]]:
        """Apps by template."""
        found: dict[str, list[AppSummary]] = {}
        for app in self.subjects:
            found.setdefault(block_of(app), []).append(app)
        return found

    def cells(self, look: Look) -> Cells:
        """What each app says of a measure."""
        return {
            model: {block: [finite(look.of(app)) for app in apps] for block, apps in blocks.items()}
            for model, blocks in self.by_cell.items()
        }

    @cached_property
    def design(self) -> Design:
        """How the fleet is laid out."""
        sizes = [len(apps) for blocks in self.by_cell.values() for apps in blocks.values()]
        apart = defaultdict[str, int](int)
        for app in self.others:
            apart[app.role] += 1
        return Design(
            models=self.models,
            templates=self.templates,
            blocks=self._blocks,
            samples=(min(sizes), max(sizes)) if sizes else (0, 0),
            complete=len(sizes) == len(self.models) * len(self.templates),
            apart=dict(apart),
            digest=_digest((*self.subjects, *self.others)),
        )

    @property
    def _blocks(self) -> Literal["templates", "app numbers", "both"]:
        declared = {app.template is not None for app in self.subjects}
        if declared == {True, False}:
            return "both"
        return "app numbers" if declared == {False} else "templates"


def block_of(app: AppSummary) -> str:
    """What it was asked to be: its template, or its number where none is declared."""
    return block_name(app.template, app.ref.app_number)


def over_models(cells: Cells) -> dict[str, list[Seen]]:
    """What the apps of all models say, by template."""
    found: dict[str, list[Seen]] = {}
    for blocks in cells.values():
        for name, seen in blocks.items():
            found.setdefault(name, []).extend(seen)
    return found


def _digest(apps: Iterable[AppSummary]) -> str:
    each = sorted(sha256(app.model_dump_json().encode()).digest() for app in apps)
    return sha256(b"".join(each)).hexdigest()
