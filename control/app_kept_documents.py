"""Documents of what tools and the platform kept of one app: load, files, logs, verdicts.

Fields are only ever added. Everything in them that an app chose is hostile text.
"""

from contract.analysis import ArtifactRef
from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class LoadStep(Frozen):
    """One arrival rate of a load test.

    Attributes:
        rate: requests that arrived per second; `throughput`: 2xx answers per second.
        p50, p95, p99: of the latency in ms; null: too few answers.
        error_ratio: of the requests sent; null: nobody told.
        broke: why the objective did not hold; empty: it held; null: nobody told.
    """

    rate: float
    throughput: float
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    error_ratio: float | None = None
    broke: str | None = None


class LoadCurve(Frozen):
    """How one operation answered while more and more requests arrived; steps by rate."""

    tool: str
    operation: str
    steps: tuple[LoadStep, ...]
    objective_p95_ms: float | None = None
    contended: tuple[str, ...] = ()


class UsageSeries(Frozen):
    """What one service used while it was loaded.

    Attributes:
        at_s: seconds since the first sample.
        cpu_percent: of one core, since the sample before; null for the first one.
        memory_bytes: at that moment.
    """

    service: str
    at_s: tuple[float, ...]
    cpu_percent: tuple[float | None, ...]
    memory_bytes: tuple[int, ...]


class AppLoad(Frozen):
    """What a load test measured of one app, as a curve; `notes`: what is not there, and why."""

    pipeline_id: str
    app: str
    curves: tuple[LoadCurve, ...] = ()
    usage: tuple[UsageSeries, ...] = ()
    notes: tuple[str, ...] = ()


class AttachedFile(Frozen):
    """A file that a tool kept beside its report, in the archive of its analyzer.

    Attributes:
        member: its name in the archive.
        archive: the archive.
        shows: what it shows, for people; empty: its name says it.
    """

    tool: str
    member: str
    archive: ArtifactRef
    shows: str = ""


class AppFiles(Frozen):
    """What is kept of one app.

    Attributes:
        screenshots: pictures of its pages, each an `AttachedFile`.
        attached: all else that tools kept.
        archives: whole results, one for each analyzer that gave one.
        logs: of build, start and containers, oldest first.
        gone: keys of those that are not on this machine.
    """

    pipeline_id: str
    app: str
    screenshots: tuple[AttachedFile, ...] = ()
    attached: tuple[AttachedFile, ...] = ()
    archives: tuple[tuple[AnalyzerKind, ArtifactRef], ...] = ()
    logs: tuple[ArtifactRef, ...] = ()
    gone: tuple[str, ...] = ()


class LogPage(Frozen):
    """Some lines of one log, without what would command a terminal.

    Attributes:
        at: place among the app's logs, from 0.
        first: number of the first of these lines, from 1.
        lines: each cut at 1,000 characters.
        total: how many lines the log has, as far as it was read.
        cut_bytes: bytes at its beginning that are not shown: it is too long. Lines are counted from
            there.
        before, after: `first` of the page before and of the next one; null: there is none.
    """

    pipeline_id: str
    app: str
    at: int
    log: ArtifactRef
    first: int
    lines: tuple[str, ...]
    total: int
    cut_bytes: int = 0
    before: int | None = None
    after: int | None = None


class VerdictEvidence(Frozen):
    """A place that a judge named; `quote`: what it says there."""

    path: str
    line: int
    quote: str = ""


class JudgeSaid(Frozen):
    """What one judge said of a requirement.

    Attributes:
        evidence: places that exist and say what was quoted.
        rejected: why other places that it named prove nothing.
    """

    model: str
    verdict: str
    reason: str = ""
    evidence: tuple[VerdictEvidence, ...] = ()
    rejected: tuple[str, ...] = ()


class Judged(Frozen):
    """One requirement with what each judge said of it."""

    tool: str
    id: str
    text: str
    verdict: str
    judges: tuple[JudgeSaid, ...] = ()
