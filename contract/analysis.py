"""What is asked of an analyzer and what was really measured."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from contract.analyzers import AnalyzerKind, Category
from contract.base import Frozen
from contract.spec import AppRef, Options, SourceRef
from contract.target import Target
from contract.template import TemplateSpec


class MeasurementState(StrEnum):
    """State of one (app, tool) cell; every aggregate counts all four."""

    MEASURED = "measured"
    APP_FAILED = "app_failed"
    INFRA_FAILED = "infra_failed"
    NOT_APPLICABLE = "not_applicable"


class Severity(StrEnum):
    """How bad a finding is. A raw severity that maps to none of these is an error."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Confidence(StrEnum):
    """How sure the tool (or the fusion of several) is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class SkipCause(StrEnum):
    """Why something was not looked at, for programs; the reason beside it is for people.

    `compiled`: scripts that a compiler wrote, and that may be the only form of the app's own code.
    `broken`: the file is no source in its own language; `other_form`: it is of a tool's language,
    in a form that the tool does not read.
    """

    VENDORED = "vendored"
    BUILT = "built"
    COMPILED = "compiled"
    GENERATED = "generated"
    MINIFIED = "minified"
    BINARY = "binary"
    LINK = "link"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    BROKEN = "broken"
    OTHER_FORM = "other_form"
    PARTIAL = "partial"
    OTHER = "other"


class Skipped(Frozen):
    """Something that a tool was given and did not look at."""

    what: str
    reason: str
    cause: SkipCause = SkipCause.OTHER


class Coverage(Frozen):
    """What a tool looked at. `measured` needs `reached` > 0.

    Attributes:
        unit: what is counted.
        given: how many there were to look at; None where nobody can know.
        reached: how many the tool really looked at.
        skipped: a sample of at most 50 of the others, each with the reason.
        skipped_total: how many others there are.
        items: names of what was reached (URLs, operations), at most 200.
    """

    unit: Literal[
        "files", "urls", "operations", "requests", "requirements", "dependencies", "ports"
    ]
    reached: Annotated[int, Field(ge=0)]
    given: Annotated[int, Field(ge=0)] | None = None
    skipped: Annotated[tuple[Skipped, ...], Field(max_length=50)] = ()
    skipped_total: Annotated[int, Field(ge=0)] = 0
    items: Annotated[tuple[str, ...], Field(max_length=200)] = ()


class Location(Frozen):
    """Where: a source place, or an HTTP operation, or both where a request has shown the place.

    Attributes:
        path: relative to the app's root.
        line, end_line: from 1, as editors count: a line ends at LF, CR LF or CR, at nothing else.
        column: from 1, in characters (Unicode code points); a byte order mark is none.
        url: path of the operation, its parameters as `{id}`.
        parameter: the input, header or cookie at fault.
    """

    path: str | None = None
    line: Annotated[int, Field(ge=1)] | None = None
    end_line: Annotated[int, Field(ge=1)] | None = None
    column: Annotated[int, Field(ge=1)] | None = None
    method: str | None = None
    url: str | None = None
    parameter: str | None = None


class Finding(Frozen):
    """One issue that one tool reports, or, after fusion, that several tools witness.

    Attributes:
        cwe: Common Weakness Enumeration numbers, most specific first.
        fingerprint: identity across runs; never depends on line numbers (SARIF 2.1.0, 3.27.16).
        aliases: fingerprints of its joined sightings: another pipeline may know it by one of them.
        shape: digest of the code at fault without the app's own names and values, so that the same
            mistake in two apps has the same shape; empty: no code is known.
        witnesses: tools that saw it, `tool:rule`.
        evidence: at most 2,000 characters of proof (snippet, request, response).
    """

    tool: str
    rule_id: str
    message: Annotated[str, Field(max_length=4_000)]
    severity: Severity
    confidence: Confidence = Confidence.MEDIUM
    category: Category = Category.SECURITY
    cwe: tuple[int, ...] = ()
    location: Location = Location()
    fingerprint: str = ""
    aliases: tuple[str, ...] = ()
    shape: str = ""
    witnesses: tuple[str, ...] = ()
    evidence: Annotated[str, Field(max_length=2_000)] = ""


class Metric(Frozen):
    """One measured number, e.g. `latency_p95` in `ms` of `GET /notes`.

    Attributes:
        name: snake_case; the unit is not repeated in it.
        unit: `ms`, `1/s`, `bytes`, `ratio`, `count`, `s`, `percent`, `score`, `usd`, `tokens`.
        target: what was measured: an operation, a file, empty for the whole app.
    """

    name: str
    value: float
    unit: str
    target: str = ""


class Provenance(Frozen):
    """How a report was produced; enough to repeat it.

    Attributes:
        argv: exact command lines, one tuple per process; secrets came on standard input.
        rules_digest, code_digest: sha256 of rules with configuration, of Assay's code; if known.
        exit_codes: of the processes, in order of `argv`.
        notes: what a reader of a paper must know (substitutions, flags raised, contention).
        cuts: which lists of the report are not whole, and where all of it stands.
    """

    argv: tuple[tuple[str, ...], ...] = ()
    exit_codes: tuple[int, ...] = ()
    rules_digest: str = ""
    code_digest: str = ""
    duration_s: float = 0.0
    cpu_s: float | None = None
    started_at: datetime | None = None
    cached_from: datetime | None = None
    notes: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that is to be read beside the figures."""
        return (*self.notes, *self.cuts)


class ToolReport(Frozen):
    """One cell: what one tool measured on one app, or why it did not.

    Attributes:
        looks_for: categories of the findings it looks for; None: its analyzer never said.
        lacks_source: a source outside that it must ask gave no answer.
        imported: it was read from a log of somebody else: state and coverage are as told there.

    Raises:
        ValueError: measured without coverage, not measured without a reason or with numbers.
    """

    tool: str
    version: str = ""
    state: MeasurementState
    reason: str = ""
    lacks_source: bool = False
    imported: bool = False
    looks_for: tuple[Category, ...] | None = None
    coverage: Coverage | None = None
    findings: tuple[Finding, ...] = ()
    metrics: tuple[Metric, ...] = ()
    provenance: Provenance = Provenance()
    data: dict[str, Any] = {}
    attachments: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _no_zero_without_proof(self) -> Self:
        if self.state is MeasurementState.MEASURED:
            if self.coverage is None or self.coverage.reached == 0:
                raise ValueError(f"{self.tool}: measured needs a coverage above zero")
        elif not self.reason:
            raise ValueError(f"{self.tool}: {self.state} needs a reason")
        elif self.findings or self.metrics:
            raise ValueError(f"{self.tool}: {self.state} cannot carry findings or metrics")
        if self.lacks_source and self.state is not MeasurementState.INFRA_FAILED:
            raise ValueError(f"{self.tool}: {self.state}, though its source gave no answer")
        return self


class AnalyzerReport(Frozen):
    """All cells of one analyzer for one app: `report.json` of a result archive."""

    subtask_id: str
    analyzer: AnalyzerKind
    service_version: str = ""
    tools: tuple[ToolReport, ...]
    fused: tuple[Finding, ...] = ()
    started_at: datetime | None = None
    duration_s: float = 0.0
    tool_seconds: float = 0.0


class SubtaskRequest(Frozen):
    """Activity input and wire payload of one analyzer's work on one app.

    Attributes:
        subtask_id: idempotency key: sent again, it re-attaches to the run.
        tools: names; empty: every tool of the analyzer.
        targets: running services, live analyzers only.
        conditions: digest of what the app runs under (engine, limits, egress, images), live
            analyzers only: figures measured under other conditions are other figures.
        options: as the spec has them: of a secret, where the worker finds it.
        deadline_s: the analyzer ends by itself within this many seconds.
    """

    subtask_id: str
    analyzer: AnalyzerKind
    ref: AppRef
    source: SourceRef
    tools: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    conditions: str = ""
    options: Options = {}
    template: TemplateSpec | None = None
    deadline_s: Annotated[float, Field(gt=0)] = 900.0
    cache: bool = True
    # Of this process alone: never written, sent or shown with the request.
    _secrets: dict[str, str] = PrivateAttr(default_factory=dict)
    _secrets_digest: str = PrivateAttr(default="")

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values of the options that are references; empty unless an analyzer got them."""
        return self._secrets

    @property
    def secrets_digest(self) -> str:
        """Digest of the values, comparable for the analyzer that made it; empty for none."""
        return self._secrets_digest

    def with_secrets(self, secrets: Mapping[str, str], digest: str) -> Self:
        """The same request with the values, for a process that gets them."""
        copy = self.model_copy()
        copy._secrets = dict(secrets)
        copy._secrets_digest = digest
        return copy


class ArtifactRef(Frozen):
    """An immutable, content-addressed artifact.

    Attributes:
        key: `sha256/ab/abcdef...`: where the store keeps it.
        sha256: of the uncompressed bytes.
        size_bytes: of the uncompressed bytes.
        name: what it is, for people (`build.log`, `static.tar`).
    """

    key: str
    sha256: str
    size_bytes: int
    name: str = ""
