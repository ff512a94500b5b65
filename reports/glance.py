"""What the page of a fleet shows of each app, kept while the apps are read one after another.

The page must open whatever a fleet is like, so what is kept is limited in letters: of findings the
gravest few of each app, of cells what fits a table that a browser can lay out. All of it stands in
the page of the app.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from contract.analysis import Finding, MeasurementState
from contract.spec import AppRef
from contract.weakness import Weakness
from reports.formats import coverage, state_label, unseen
from reports.model import AppReport, CellReport

# So many findings of an app are shown, if those of all apps fit; else the next fewer.
_FEW = (10, 5, 3, 2, 1, 0)
FINDINGS_CHARS, FIELDS_CHARS, HINTS_CHARS = 1_000_000, 560_000, 240_000
_MARKUP_OF_FINDING, _MARKUP_OF_FIELD = 420, 38
_MESSAGE_CHARS, _HINT_CHARS, _BROKEN = 300, 400, 3


@dataclass(frozen=True, slots=True)
class Field:
    """One cell in the matrix.

    Attributes:
        count: its findings; None: not measured, or its tool looks for none.
        is_part: its tool looked at a part of what it was given.
        hint: what a person sees on hover.
    """

    state: MeasurementState
    count: int | None = None
    is_part: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Glance:
    """One app.

    Attributes:
        shown: the gravest of its weaknesses, those that count first.
        total: how many weaknesses it has.
        broken: the first of its files that are no source in their own language.
        broken_total: how many there are.
        fields: its row of the matrix, by name of the cell; empty if the fleet has too many.
    """

    shown: tuple[Weakness, ...] = ()
    total: int = 0
    broken: tuple[Finding, ...] = ()
    broken_total: int = 0
    fields: Mapping[str, Field] = field(default_factory=dict[str, Field])


class Glances:
    """A reducer; what it keeps does not depend on the order of the apps."""

    def __init__(self) -> None:
        self._kept: dict[AppRef, Glance] = {}
        self._few = 0
        self._with_fields = self._with_hints = True
        self._fields = self._hints = self._letters = 0

    def add(self, app: AppReport) -> None:
        """Take an app into account."""
        glance = Glance(
            shown=tuple(map(_short, gravest(app.weaknesses, _FEW[self._few]))),
            total=len(app.weaknesses),
            broken=tuple(map(_shortened, app.syntax_errors[:_BROKEN])),
            broken_total=len(app.syntax_errors),
            fields=self._row(app.cells),
        )
        self._kept[app.ref] = glance
        self._letters += sum(map(_letters, glance.shown))
        while self._letters > FINDINGS_CHARS:
            self._fewer()

    def result(self) -> Mapping[AppRef, Glance]:
        """The apps so far."""
        return self._kept

    def _row(self, cells: Iterable[CellReport]) -> dict[str, Field]:
        if not self._with_fields:
            return {}
        row = {cell.name: _field(cell, self._with_hints) for cell in cells}
        self._fields += _MARKUP_OF_FIELD * len(row)
        self._hints += sum(len(made.hint) for made in row.values())
        if self._fields > FIELDS_CHARS:
            self._with_fields = self._with_hints = False
            self._change_all(fields={})
            return {}
        if self._with_hints and self._hints > HINTS_CHARS:
            self._with_hints = False
            self._kept = {
                ref: replace(one, fields=_bare(one.fields)) for ref, one in self._kept.items()
            }
        return row if self._with_hints else _bare(row)

    def _fewer(self) -> None:
        self._few += 1
        few = _FEW[self._few]
        self._kept = {ref: replace(one, shown=one.shown[:few]) for ref, one in self._kept.items()}
        self._letters = sum(_letters(each) for one in self._kept.values() for each in one.shown)

    def _change_all(self, fields: Mapping[str, Field]) -> None:
        self._kept = {ref: replace(one, fields=fields) for ref, one in self._kept.items()}


def gravest(weaknesses: Iterable[Weakness], few: int) -> Iterator[Weakness]:
    """The first `few`, in their order, those that count against the app before the others."""
    kept = list(weaknesses)
    ordered = (*(w for w in kept if w.counts), *(w for w in kept if not w.counts))
    return iter(ordered[:few])


def _field(cell: CellReport, with_hint: bool) -> Field:
    hint = _hint(cell)[:_HINT_CHARS] if with_hint else ""
    return Field(cell.state, cell.finding_count, _is_part(cell), hint)


def _is_part(cell: CellReport) -> bool:
    return cell.finding_count is not None and bool(cell.not_looked_at)


def _hint(cell: CellReport) -> str:
    """`bandit: measured · 1 of 9 files · not looked at: 8 syntax error`."""
    parts = (
        f"{cell.tool}: {state_label(cell.state)}",
        coverage(cell.report.coverage) if cell.report.coverage else "",
        f"not looked at: {unseen(cell.not_looked_at)}" if cell.not_looked_at else "",
        cell.report.reason,
    )
    return " · ".join(part for part in parts if part)


def _bare(row: Mapping[str, Field]) -> dict[str, Field]:
    return {name: replace(made, hint="") for name, made in row.items()}


def _short(weakness: Weakness) -> Weakness:
    return weakness.model_copy(update={"finding": _shortened(weakness.finding)})


def _shortened(finding: Finding) -> Finding:
    """Without its evidence, which the app's own page has."""
    message = finding.message
    if len(message) > _MESSAGE_CHARS:
        message = f"{message[:_MESSAGE_CHARS]}…"
    return finding.model_copy(update={"message": message, "evidence": ""})


def _letters(weakness: Weakness) -> int:
    """About how long its row is; letters outside of ASCII and escaped ones count several times."""
    finding, place = weakness.finding, weakness.finding.location
    words = (
        finding.message,
        finding.rule_id,
        place.path or "",
        place.url or "",
        *finding.witnesses,
    )
    return _MARKUP_OF_FINDING + sum(_bytes(text) for text in words)


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace")) + 4 * sum(text.count(mark) for mark in "<>&\"'")
