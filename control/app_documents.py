"""The documents of one app; any program can show them or send them on. Fields are only ever added.

Everything in them that an app under test chose (code, messages, answers, logs) is hostile text.
"""

from datetime import datetime
from typing import Literal

from contract.analysis import Confidence, Severity
from contract.analyzers import AnalyzerKind
from contract.app_run import AppRun
from contract.base import Frozen
from contract.weakness import BaselineState, Weakness
from reports.baseline_results import BaselineCount
from reports.model import AppReport


class AppDocument(Frozen):
    """One app, without its weaknesses, which come in pages.

    Attributes:
        app: `model/appN`.
        source_path: folder that it was read from, on the host that measured it.
        listed: false: its weaknesses are what its recorded cells say so far; nobody has told yet
            what its scaffold and its baseline have.
        uncompared: its report has not compared it with `baseline` yet: writing the report does it.
        weaknesses, gone: how many there are to be listed.
        report: as the report of its pipeline would tell it now; `weaknesses` and `gone` are empty.
    """

    pipeline_id: str
    app: str
    pipeline_state: str
    source_path: str = ""
    listed: bool
    baseline: str = ""
    uncompared: bool = False
    weaknesses: int
    gone: int
    report: AppReport


class AppWeaknesses(Frozen):
    """Some weaknesses of one app, the gravest first.

    Attributes:
        first: place of the first of these among all, from 0.
        total: of how many; a tool that was not measured may have seen more.
        after: where the next page begins; null: this is the last one.
        listed, uncompared: as in an `AppDocument`.
    """

    pipeline_id: str
    app: str
    weaknesses: tuple[Weakness, ...]
    first: int
    total: int
    after: str | None = None
    listed: bool
    uncompared: bool = False


class SourceLine(Frozen):
    """One line of a file; `marked`: the weakness is there. `text` is cut at 500 characters."""

    number: int
    text: str
    marked: bool = False


class Excerpt(Frozen):
    """Lines around a place in an app's source.

    Attributes:
        state: `same`: the folder is still what was measured. `changed`: it is not, or nobody knows,
            and this line still reads as the tool quoted it. `other`: it is not, and the line reads
            otherwise, or no tool quoted it: no lines are shown. `gone`: there is no such folder or
            file here.
        note: what a reader must know of it.
        quote: the lines as the tool quoted them when it measured; empty: it quoted none.
    """

    path: str
    line: int | None = None
    state: Literal["same", "changed", "other", "gone"]
    note: str = ""
    lines: tuple[SourceLine, ...] = ()
    quote: str = ""


class FlowStep(Frozen):
    """One step of the way of data from where it enters to where it does harm.

    Attributes:
        role: `source`, `step` or `sink`; `line`: a line on the way whose place in it is unknown.
        text: the code there, as the tool told it.
    """

    role: Literal["source", "step", "sink", "line"]
    path: str
    line: int
    column: int | None = None
    text: str = ""


class Exchange(Frozen):
    """A request that was sent to the app, and its answer.

    Attributes:
        tool: who sent it.
        request: request line, header fields and body; logins are left out.
        status: of the answer.
        answer: header fields and the beginning of the body, as text.
        cut: bytes of the answer's body that are not shown.
    """

    tool: str
    request: str
    status: int
    answer: str
    cut: int = 0


class Sighting(Frozen):
    """What one tool said of a weakness, in its own words."""

    analyzer: AnalyzerKind
    tool: str
    rule_id: str
    message: str
    severity: Severity
    confidence: Confidence
    place: str = ""


class Elsewhere(Frozen):
    """Another pipeline in which an app of this name has the same weakness.

    Attributes:
        fingerprint, occurrence: of the gravest of them, by the name that it has there.
        places: how many there are.
    """

    pipeline_id: str
    created_at: datetime
    fingerprint: str
    occurrence: int = 0
    places: int


class WeaknessDocument(Frozen):
    """One weakness of one app, with all that is known of it.

    Attributes:
        place: among the app's weaknesses, from 0.
        excerpt: null: no tool names a place in the source.
        path: the way of the data; empty: see `path_note`.
        exchanges: requests that showed it, with their answers.
        exchanges_note: why there are none, or how many more there are.
        sightings: what each tool said of it before fusion.
        elsewhere: newest pipelines that list it for an app of this name, this one left out.
        looked_in: how many other pipelines have listed weaknesses of such an app.
    """

    pipeline_id: str
    app: str
    place: int
    total: int
    weakness: Weakness
    excerpt: Excerpt | None = None
    path: tuple[FlowStep, ...] = ()
    path_note: str = ""
    exchanges: tuple[Exchange, ...] = ()
    exchanges_note: str = ""
    sightings: tuple[Sighting, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    looked_in: int = 0


class Since(Frozen):
    """What changed for an app between two pipelines.

    Attributes:
        then, now: the earlier and the later pipeline.
        counts: weaknesses by category, severity and state.
        same_source: whether both looked at equal files; null: not known.
    """

    then: str
    now: str
    counts: tuple[BaselineCount, ...] = ()
    same_source: bool | None = None

    def of(self, state: BaselineState) -> int:
        """How many weaknesses are in one state, of all categories."""
        return sum(each.count for each in self.counts if each.state is state)


class AppHistory(Frozen):
    """An app of one name in all pipelines that the store has, the newest first.

    Attributes:
        runs: each an `AppRun`; the latest 50.
        has_older: whether there are more.
        before: what changed since the run before this one; null: there is none.
        after: what changed until the run after this one; null: there is none.
    """

    pipeline_id: str
    app: str
    runs: tuple[AppRun, ...]
    before: Since | None = None
    after: Since | None = None
    has_older: bool = False
