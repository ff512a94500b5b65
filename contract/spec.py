"""What a user asks for: a pipeline over a fleet of apps."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from contract.analyzers import AnalyzerKind
from contract.base import Authored, Frozen
from contract.control import AnswerSheet
from contract.fields import Number, Switch, is_auto, is_left_out
from contract.ids import PIPELINE_ID_PATTERN, app_key, app_workflow_id, subtask_id
from contract.priority import PipelinePriority, is_normal
from contract.ranking import RankingSpec
from contract.role import AppRole, NoiseSpec, is_subject
from contract.schedule import ScheduleSpec
from contract.secret import SecretRef
from contract.suppression import Suppressions
from contract.template import TemplateSpec

PipelineId = Annotated[str, StringConstraints(pattern=PIPELINE_ID_PATTERN)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]


AppNumber = Annotated[int, Field(ge=1, le=1_000_000), Number]


def _option_branch(value: object) -> str:
    return "reference" if isinstance(value, dict | SecretRef) else "value"


Option = Annotated[
    Annotated[str | int | float | bool, Tag("value")] | Annotated[SecretRef, Tag("reference")],
    Discriminator(_option_branch),
]
Options = dict[str, Option]
# How the names of options begin that say how to log in.
LOGIN = "auth_"


class AppsSpec(Authored):
    """Which apps: folders `<root>/<model>/app<N>/`.

    Attributes:
        root: folder of the fleet, relative to the spec file.
        models: model names; left out: every model folder below `root`.
        numbers: app numbers; left out: every app of a model.
        only: single apps, `model/app3`, in this order; excludes `models` and `numbers`.
        trusted: we wrote these apps ourselves, so they may run as confined processes where there is
            no container engine. Never for apps from a model or a stranger.
        templates: template slug per app number.
        templates_dir: folder of template declarations `<slug>.yaml`, relative to the spec file.
    """

    root: str
    models: tuple[ModelName, ...] | None = None
    numbers: tuple[AppNumber, ...] | None = None
    # Left out of the text where it is not used, so that digests of older specs stay the same.
    only: tuple[str, ...] | None = Field(
        default=None, exclude_if=is_left_out, json_schema_extra={"minItems": 1}
    )
    trusted: bool = False
    templates: dict[AppNumber, str] = {}
    templates_dir: str | None = None


class BreakerSpec(Authored):
    """When a run of platform faults stops new work. Faults of apps never count.

    Attributes:
        analyzer_threshold: after so many in a row, an analyzer gets no new work.
        pipeline_threshold: after so many apps in a row with one, the pipeline begins no new app.
        wait_limit_s: how long work waits for a breaker to close before it is `infra_failed`.
        probe_interval_s: how often a probe checks whether the fault is over.
        on_open: `wait` until then, or `finish` with the results there are.
    """

    analyzer_threshold: Annotated[int, Field(ge=1, le=100), Number] = 5
    pipeline_threshold: Annotated[int, Field(ge=1, le=100), Number] = 3
    wait_limit_s: Annotated[float, Field(ge=0, le=86_400), Number] = 600.0
    probe_interval_s: Annotated[float, Field(gt=0, le=3_600), Number] = 15.0
    on_open: Literal["wait", "finish"] = "wait"


class PipelineSpec(Authored):
    """A pipeline as a person writes it (YAML or JSON).

    Attributes:
        apps: which apps.
        analyzers: which analyzers look at each app.
        parallelism: apps in flight at once; can be changed while the pipeline runs.
        tools: restricts an analyzer to these tools; left out: every tool it has.
        options: per analyzer; an option that it does not declare is refused.
        breaker: when a run of platform faults stops new work.
        egress: whether a running app may reach the outside.
        cache: use reports of unchanged apps; controls and repeats are always measured.
        controls: run Assay's control apps, whose weaknesses are known, through the same tools; a
            tool that misses what it must see is trusted on no app. `auto`: in fleets of 10 apps and
            more.
        scaffold: folder that the apps began as, relative to the spec file, or one for each
            template; findings that it brings are told apart from what a model wrote.
        noise: some apps once more, to learn how much figures vary by themselves.
        baseline: ID of an earlier pipeline. Each weakness is told as new, unchanged, fixed or
            unknown against it, and decisions taken for it hold here, too.
        suppressions: decisions that weaknesses need no action: a file, relative to the spec file,
            or the decisions themselves. Left out: `suppressions.yaml` in `apps.root`, if it is
            there.
        ranking: a ranking of models by several criteria; left out: none.
        schedule: when `schedule add` lets it run again by itself; `submit` leaves it aside.
        priority: which pipeline's work comes first where several wait for the same hosts: `urgent`,
            `high`, `normal`, `low` or `background`. It is no part of the plan: whoever submits the
            same plan with another one joins, and changes nothing.
    """

    apps: AppsSpec
    analyzers: Annotated[tuple[AnalyzerKind, ...], Field(min_length=1)] = tuple(
        kind for kind in AnalyzerKind if kind.row.by_default
    )
    parallelism: Annotated[int, Field(ge=1, le=50), Number] = 3
    tools: dict[AnalyzerKind, tuple[str, ...]] = {}
    options: dict[AnalyzerKind, Options] = {}
    breaker: BreakerSpec = BreakerSpec()
    egress: Literal["deny", "allow"] = "deny"
    cache: bool = True
    # Left out of the text where they are not used, so that digests of older specs stay the same.
    controls: Switch = Field(default="auto", exclude_if=is_auto)
    scaffold: str | dict[str, str] | None = Field(default=None, exclude_if=is_left_out)
    noise: NoiseSpec | None = Field(default=None, exclude_if=is_left_out)
    baseline: PipelineId | None = Field(default=None, exclude_if=is_left_out)
    suppressions: Suppressions | None = Field(default=None, exclude_if=is_left_out)
    ranking: RankingSpec | None = Field(default=None, exclude_if=is_left_out)
    schedule: ScheduleSpec | None = Field(default=None, exclude_if=is_left_out)
    priority: PipelinePriority = Field(default=PipelinePriority.NORMAL, exclude_if=is_normal)

    @model_validator(mode="after")
    def _analyzers_are_unique(self) -> Self:
        if len(set(self.analyzers)) != len(self.analyzers):
            raise ValueError("analyzers: each analyzer at most once")
        return self


class AppRef(Frozen):
    """Names one app of a fleet; hashable, so it can be a key."""

    model: ModelName
    app_number: AppNumber

    @property
    def label(self) -> str:
        """`{model}/app{n}`: how people name it, and how messages do."""
        return f"{self.model}/app{self.app_number}"


def _without_login(options: Mapping[AnalyzerKind, Options]) -> dict[AnalyzerKind, Options]:
    """The options without the login of a fleet's apps: no control app knows that account."""
    return {
        kind: {name: value for name, value in its.items() if not name.startswith(LOGIN)}
        for kind, its in options.items()
    }


class SourceRef(Frozen):
    """An app's source tree.

    Attributes:
        path: absolute path of the folder, on hosts that share it.
        digest: sha256 over sorted relative paths and contents: the tree's identity.
        files: how many files the digest covers.
        size_bytes: their total size.
        main_file: relative path of the file that best represents the whole app, for findings that
            name no file; empty: unknown, or there is none.
    """

    path: str
    digest: str
    files: int = 0
    size_bytes: int = 0
    main_file: str = ""

    @property
    def name(self) -> str:
        """Last path segment."""
        return PurePosixPath(self.path).name


class AppSpec(Frozen):
    """Input of `AnalyzeAppWorkflow`: one app and everything that is to be done with it."""

    pipeline_id: PipelineId
    ref: AppRef
    source: SourceRef
    analyzers: tuple[AnalyzerKind, ...]
    tools: dict[AnalyzerKind, tuple[str, ...]] = {}
    options: dict[AnalyzerKind, Options] = {}
    template: TemplateSpec | None = None
    trusted: bool = False
    egress: Literal["deny", "allow"] = "deny"
    cache: bool = True
    breaker: BreakerSpec = BreakerSpec()
    role: AppRole = AppRole.SUBJECT

    @classmethod
    def of(
        cls,
        pipeline_id: str,
        spec: PipelineSpec,
        templates: Mapping[str, TemplateSpec],
        app: "PlannedApp",
    ) -> "AppSpec":
        """What the pipeline's `spec` says of `app`."""
        is_control = app.role is AppRole.CONTROL
        return cls(
            pipeline_id=pipeline_id,
            ref=app.ref,
            source=app.source,
            analyzers=spec.analyzers if app.analyzers is None else app.analyzers,
            role=app.role,
            tools=spec.tools,
            options=_without_login(spec.options) if is_control else spec.options,
            template=templates.get(app.template) if app.template else None,
            # Control apps are our own; they are confined all the same.
            trusted=spec.apps.trusted or is_control,
            egress=spec.egress,
            # What another run saw is no proof of what a tool sees now, nor a second measurement.
            cache=spec.cache and app.role not in (AppRole.CONTROL, AppRole.REPEAT),
            breaker=spec.breaker,
        )

    @property
    def key(self) -> str:
        """`{pipeline}/{model}/app{n}`."""
        return app_key(self.pipeline_id, self.ref.model, self.ref.app_number)

    @property
    def workflow_id(self) -> str:
        """Deterministic ID of this app's workflow."""
        return app_workflow_id(self.pipeline_id, self.ref.model, self.ref.app_number)

    def subtask_id(self, analyzer: AnalyzerKind) -> str:
        """Deterministic ID of one analyzer's work on this app."""
        return subtask_id(self.pipeline_id, self.ref.model, self.ref.app_number, analyzer)


class PipelinePlan(Frozen):
    """The spec resolved to a fleet; it reaches its pipeline as a `PlanHeader` and pages of apps.

    Refs are unique by validator. Templates are listed once and named by each app.
    """

    pipeline_id: PipelineId
    spec: PipelineSpec
    apps: tuple["PlannedApp", ...]
    templates: dict[str, TemplateSpec] = {}

    @model_validator(mode="after")
    def _apps_are_unique(self) -> Self:
        seen: set[AppRef] = set()
        for app in self.apps:
            if app.ref in seen:
                raise ValueError(f"duplicate app: {app.ref.label}")
            seen.add(app.ref)
        return self

    @property
    def digest(self) -> str:
        """sha256 of the whole plan: the same ID may only ever stand for the same plan."""
        apart = {"apps": {"__all__": {"source": {"main_file"}}}, "spec": {"priority"}}
        return hashlib.sha256(self.model_dump_json(exclude=apart).encode()).hexdigest()

    def app_spec(self, app: "PlannedApp") -> AppSpec:
        """The child's input for `app`."""
        return AppSpec.of(self.pipeline_id, self.spec, self.templates, app)


class PlannedApp(Frozen):
    """One app of a `PipelinePlan`.

    Attributes:
        role: why it is in the pipeline.
        analyzers: those that look at it; None: those of the spec.
        sheet: what the tools should find, of a control app alone.
    """

    ref: AppRef
    source: SourceRef
    template: str | None = None
    # Left out where they say nothing new, so that digests of older plans stay the same.
    role: AppRole = Field(default=AppRole.SUBJECT, exclude_if=is_subject)
    analyzers: tuple[AnalyzerKind, ...] | None = Field(default=None, exclude_if=is_left_out)
    sheet: AnswerSheet | None = Field(default=None, exclude_if=is_left_out)
