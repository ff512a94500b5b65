"""What is told of tools: of those of one pipeline, and of those of the installation."""

from datetime import datetime
from typing import Literal

from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.health import ToolHealth
from reports.control_results import ToolScore
from reports.counts import StateCounts


class VersionUse(Frozen):
    """One version of a tool, with one set of rules, in one pipeline.

    Attributes:
        rules_digest: sha256 of its rules; empty: its version says all.
        cells: of subjects, by state.
        cached: reports of an earlier run that were used again.
        duration_s: tool time that was really spent; cached reports cost none.
        saved_s: tool time that the cached ones took when they were made.
        contended: figures that were measured on a busy host.
        argv: command lines on the first app that it ran on; empty while the pipeline runs.
        notes: what a reader of the figures must know; none while the pipeline runs.
    """

    version: str
    rules_digest: str = ""
    cells: StateCounts = StateCounts()
    cached: int = 0
    duration_s: float = 0.0
    saved_s: float = 0.0
    contended: int = 0
    argv: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


class LostLooks(Frozen):
    """Cells of one tool that the platform, or the tool itself, lost for one reason.

    Attributes:
        cells: how many; null: only a report is left of the pipeline, and it names a sample.
    """

    reason: str
    cells: int | None


class ToolOfPipeline(Frozen):
    """One tool in one pipeline.

    Attributes:
        versions: each with its figures; several, if it was updated meanwhile.
        cells: of subjects, of all versions together; those of a void tool count as not measured.
        score: what the control apps say of it; null: none of them says anything of it.
        void: why nothing that it measured in this pipeline counts; empty: it counts.
        lost: why cells are not measured though the app had something for it, the most frequent
            reason first. Apps that have nothing for it are `not_applicable`, and no fault of it.
    """

    analyzer: AnalyzerKind
    tool: str
    versions: tuple[VersionUse, ...] = ()
    cells: StateCounts = StateCounts()
    duration_s: float = 0.0
    score: ToolScore | None = None
    void: str = ""
    lost: tuple[LostLooks, ...] = ()

    @property
    def name(self) -> str:
        """`static/bandit`."""
        return f"{self.analyzer}/{self.tool}"


class PipelineTools(Frozen):
    """The tools of one pipeline.

    Attributes:
        told_by: `report`: as its written report says; `store`: of what is recorded until now.
        as_of: moment of the report, or of what is recorded.
        stale: why a written report was not used; empty: there is none, or it was used.
        ended: whether the pipeline has ended.
        together: what control apps say of all tools of an analyzer, and of all analyzers, fused.
        why_no_controls: why nothing is known of what the tools can see; empty: something is.
        lost_left_out: lost cells whose reasons nobody tells.
    """

    pipeline_id: str
    told_by: Literal["report", "store"]
    as_of: datetime | None = None
    stale: str = ""
    ended: bool = False
    tools: tuple[ToolOfPipeline, ...] = ()
    together: tuple[ToolScore, ...] = ()
    why_no_controls: str = ""
    lost_left_out: int = 0


class SeenTool(Frozen):
    """What recent pipelines say of a tool.

    Attributes:
        pipeline_id: the newest one whose control apps say something of it.
        score: what they say.
        version: with which version it measured there, or the first of several.
    """

    pipeline_id: str
    score: ToolScore
    version: str = ""


class InstalledTool(ToolHealth):
    """One tool of an analyzer that answers.

    Attributes:
        seen: what control apps of a recent pipeline say of it; null: nothing is known.
        seen_of_other_version: it had another version then: the score does not speak for this one.
        measured: cells that it measured in those recent pipelines where none came from the cache.
        duration_s: time that it took there, for cells that it could not measure, too; null:
            unknown.
    """

    seen: SeenTool | None = None
    seen_of_other_version: bool = False
    measured: int = 0
    duration_s: float | None = None


class InstalledAnalyzer(Frozen):
    """One analyzer of the installation, as it answers now.

    Attributes:
        ok: it takes work; single tools may be blind all the same.
        answers: whether anything answered at its address.
        reason: why it takes none, or what it says.
        lacks: what this machine has to get before it can measure; empty: nothing is known.
        running, capacity: its subtasks now, and how many it takes at once.
    """

    analyzer: AnalyzerKind
    ok: bool
    answers: bool
    starting: bool = False
    reason: str = ""
    lacks: str = ""
    version: str = ""
    running: int = 0
    capacity: int = 0
    tools: tuple[InstalledTool, ...] = ()

    @property
    def blind(self) -> tuple[str, ...]:
        """Tools that do not see."""
        return tuple(tool.name for tool in self.tools if tool.blind)


class InstalledTools(Frozen):
    """The tools of the installation.

    Attributes:
        pipelines: recent pipelines that recall and times are read from, the newest first.
        unread: why there are none though there may be some; empty: these are all.
    """

    analyzers: tuple[InstalledAnalyzer, ...] = ()
    pipelines: tuple[str, ...] = ()
    unread: str = ""
