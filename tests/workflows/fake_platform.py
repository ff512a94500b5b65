"""A platform of fakes: every activity by its real name, each pipeline with its own script."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities import Activities, ownership
from activities.analysis import AnalysisActivities
from activities.apps import AppActivities
from activities.errors import AppGone, Held
from activities.preflight import PreflightActivities
from activities.reports import ReportActivities
from activities.results import ResultActivities
from activities.watch import WatchActivities
from clients.versioning import deployment_config
from contract import ids
from contract.analysis import ArtifactRef, MeasurementState, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.attempt import Beat
from contract.errors import PlatformError
from contract.outcome import AppFacts, AppOutcome, SubtaskOutcome, ToolSummary
from contract.plan import (
    AppChoice,
    AppEntry,
    PlanHeader,
    PlanPage,
    Reopening,
    UnendedApps,
    pages_of,
)
from contract.progress import (
    AnalyzerReadiness,
    PipelineProgress,
    PipelineResult,
    PlatformService,
    Preflight,
    ServiceReadiness,
)
from contract.running import AppCheck, RunningApp, RunningService, StartOutcome, TeardownReport
from contract.spec import (
    AppRef,
    AppSpec,
    AppsSpec,
    BreakerSpec,
    PipelinePlan,
    PipelineSpec,
    PlannedApp,
    SourceRef,
)
from control.starting import start_again, start_pipeline
from queues import at_work
from tests.activities.fakes import FakeRuntime
from tests.support.registered import name_of
from tests.workflows.fake_store import FakeStore
from workflows import workflows_of
from workflows.state import PipelineRun, PipelineState

HOST = "h1"
# How long, in real seconds, a test waits for what must come. A host whose cores others use has let
# a workflow task of a few milliseconds take 21 s.
PATIENCE_S = 120
TOOLS = {kind: (f"{kind}-tool",) for kind in AnalyzerKind}
Run = Callable[[SubtaskRequest], Awaitable[SubtaskOutcome]]
PLATFORMS: dict[str, "FakePlatform"] = {}
WATCH = WatchActivities()


def planned(model: str, number: int) -> PlannedApp:
    """One app with a made-up source."""
    return PlannedApp(
        ref=AppRef(model=model, app_number=number),
        source=SourceRef(path=f"/apps/{model}/app{number}", digest="0" * 64),
    )


def make_plan(pipeline_id: str, apps: int, analyzers: str, **spec: Any) -> PipelinePlan:
    """A plan over `m/app1..n`; `analyzers` by their first letters, as in "sdp"."""
    kinds = {kind.value[0]: kind for kind in AnalyzerKind}
    return PipelinePlan(
        pipeline_id=pipeline_id,
        spec=PipelineSpec(
            apps=AppsSpec(root="/apps"), analyzers=tuple(kinds[c] for c in analyzers), **spec
        ),
        apps=tuple(planned("m", n) for n in range(1, apps + 1)),
    )


class FakePlatform:
    """What one pipeline meets. `log` tells what happened, in order.

    Attributes:
        down: analyzers and services whose health fails.
        starting: those of them that only start.
        runs: replaces a measurement, per analyzer.
        starts: replaces the start of an app, per app number.
        prepares: replaces its build; `builds`: what that waits for.
        unrecordable: analyzers whose outcomes the store refuses.
        lost: what is recorded instead of a result that cannot be read any more.
        queue: while it is set to an event, builds and measurements wait for it before they begin,
            as for a slot.
        order: what the pipeline is started with; None: its plan.
        reads: what reading apps from the store waits for, if it is set to an event.
        left: what the teardown of an app learns of it.
        alive: answers of `check_app`, or its faults, per app number, used up in order; then always
            alive.
    """

    def __init__(self, apps: int = 1, analyzers: str = "sdp", **spec: Any) -> None:
        spec.setdefault("breaker", BreakerSpec(probe_interval_s=0.1, wait_limit_s=30))
        self.id = f"t{uuid.uuid4().hex[:10]}"
        self.plan = make_plan(self.id, apps, analyzers, **spec)
        self.log: list[str] = []
        self.down: dict[str, str] = {}
        self.starting: set[str] = set()
        self.runs: dict[AnalyzerKind, Run] = {}
        self.starts: dict[int, Callable[[AppSpec], StartOutcome]] = {}
        self.prepares: dict[int, Callable[[AppSpec], StartOutcome]] = {}
        self.builds: dict[int, asyncio.Event] = {}
        self.alive: dict[int, list[AppCheck | ApplicationError]] = defaultdict(list)
        self.left = AppFacts()
        self.refuses_plan = False
        self.unrecordable: set[AnalyzerKind] = set()
        self.lost: dict[AnalyzerKind, SubtaskOutcome] = {}
        self.queue: asyncio.Event | None = None
        self.reads: asyncio.Event | None = None
        self.order: PipelineRun | None = None
        self.store = FakeStore()
        self.subtasks = self.store.subtasks
        self.apps = self.store.apps
        self.states: list[tuple[str, dict[str, Any]]] = []
        self.now: dict[str, int] = defaultdict(int)
        self.peak: dict[str, int] = defaultdict(int)
        PLATFORMS[self.id] = self

    async def start(self, client: Client) -> WorkflowHandle[Any, PipelineResult]:
        """Submit the pipeline."""
        if self.order is not None:
            return await start_again(client, self.order)
        return await start_pipeline(client, self.plan)

    def goes_on(self, **state: Any) -> None:
        """Let the pipeline begin where its plan is in the store, with this state."""
        for page in pages_of(self.plan):
            self.store.register(PlanHeader.of(self.plan), page)
        known = PipelineState(registered=len(self.plan.apps), **state)
        self.order = PipelineRun(header=PlanHeader.of(self.plan), state=known)

    def reopening(self, *labels: str) -> Reopening:
        """What the store tells of the pipeline after its end."""
        return self.store.reopening(labels, self.states[-1][1])

    async def run(self, client: Client) -> PipelineResult:
        """Submit and await it."""
        return await finished(await self.start(client))

    def app_id(self, number: int) -> str:
        """Workflow ID of `m/app<number>`."""
        return ids.app_workflow_id(self.id, "m", number)

    def cells(self, number: int) -> dict[str, MeasurementState]:
        """Recorded state of each analyzer of one app."""
        prefix = f"{self.id}/m/app{number}/"
        return {
            key.removeprefix(prefix): outcome.state
            for key, outcome in self.subtasks.items()
            if key.startswith(prefix)
        }

    def has_recorded(self, number: int, state: MeasurementState, **cells: MeasurementState) -> None:
        """Let an earlier run of `m/app<number>` have ended in `state`, with these analyzers."""
        ref = AppRef(model="m", app_number=number)
        for kind, cell in cells.items():
            tool = TOOLS[AnalyzerKind(kind)][0]
            id_ = f"{self.id}/m/app{number}/{kind}"
            self.subtasks[id_] = SubtaskOutcome(
                subtask_id=id_,
                analyzer=AnalyzerKind(kind),
                tools=(ToolSummary(tool=tool, state=cell, reason="earlier"),),
            )
        self.apps[ref.label] = AppOutcome(ref=ref, state=state, reason="earlier")

    def count(self, what: str) -> int:
        """How often `what` begins a line of the log."""
        return sum(line.startswith(what) for line in self.log)

    async def logged(self, line: str, times: int = 1) -> None:
        """Wait until `line` begins as many lines of the log."""
        async with asyncio.timeout(PATIENCE_S):
            while self.count(line) < times:
                await asyncio.sleep(0.01)

    async def turn(self, what: str) -> None:
        """Wait in the queue, then ask as the real activities do whether all is paused."""
        self.log.append(f"queue {what}")
        while self.queue is not None and not self.queue.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.02)
        if await ownership.is_held():
            self.log.append(f"held {what}")
            raise Held().as_application_error(Beat())

    @asynccontextmanager
    async def busy(self, what: str) -> AsyncIterator[None]:
        """Count what goes on at once."""
        self.now[what] += 1
        self.peak[what] = max(self.peak[what], self.now[what])
        try:
            yield
        finally:
            self.now[what] -= 1


async def finished(handle: WorkflowHandle[Any, PipelineResult]) -> PipelineResult:
    """The result; a wedged workflow fails the test, with its last events, instead of hanging it."""
    try:
        return await asyncio.wait_for(handle.result(), PATIENCE_S)
    except TimeoutError:
        history = await handle.fetch_history()
        last = [EventType.Name(event.event_type) for event in history.events[-25:]]
        raise AssertionError(f"{handle.id} does not end; its last events: {last}") from None


async def until(
    handle: WorkflowHandle[Any, Any], wanted: Callable[[PipelineProgress], bool]
) -> PipelineProgress:
    """Query until the progress is as `wanted`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            progress = await handle.query("progress", result_type=PipelineProgress)
            if wanted(progress):
                return progress
            await asyncio.sleep(0.05)


def measured(request: SubtaskRequest) -> SubtaskOutcome:
    """A good measurement of every tool."""
    return SubtaskOutcome(
        subtask_id=request.subtask_id,
        analyzer=request.analyzer,
        tools=tuple(
            ToolSummary(tool=tool, state=MeasurementState.MEASURED)
            for tool in request.tools or TOOLS[request.analyzer]
        ),
        report=ArtifactRef(key="k", sha256="0" * 64, size_bytes=1, name=f"{request.analyzer}.tar"),
        tool_seconds=1.0,
    )


def fails(code: str, message: str = "broken", *, retry: bool = False) -> Run:
    """A measurement that the platform cannot make."""

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        raise ApplicationError(message, type=code, non_retryable=not retry)

    return run


def gone(check: AppCheck, *, begun: bool = False) -> Run:
    """A measurement whose app is not there: when its turn comes, or once it has begun."""

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        raise AppGone(check).as_application_error(Beat(begun=begun))

    return run


def one_by_one(*runs: Run) -> Run:
    """Each run in turn, then good measurements."""
    waiting = list(runs)

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        return await waiting.pop(0)(request) if waiting else measured(request)

    return run


def blocks(event: asyncio.Event) -> Run:
    """A measurement that goes on, with heartbeats, until `event`; cancelled, it takes a moment."""

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        try:
            while not event.is_set():
                activity.heartbeat()
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)
            raise
        return measured(request)

    return run


def ends_cancelled(end: Run) -> Run:
    """A measurement that goes on until it is cancelled, and then ends as `end` does."""

    async def run(request: SubtaskRequest) -> SubtaskOutcome:
        try:
            while True:
                activity.heartbeat()
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            return await end(request)

    return run


async def has_measured(request: SubtaskRequest) -> SubtaskOutcome:
    """A good measurement of every tool."""
    return measured(request)


def _mine() -> FakePlatform:
    return PLATFORMS[(activity.info().workflow_id or "").split("/")[1]]


def _name(ref: AppRef) -> str:
    return ref.label


def built(app: AppSpec) -> StartOutcome:
    """An app that is ready to be started."""
    return StartOutcome(phase="built", host=HOST)


def running(app: AppSpec, host: str = HOST) -> StartOutcome:
    """An app that runs on `host`."""
    return StartOutcome(
        app=RunningApp(
            workflow_id=app.workflow_id,
            host=host,
            engine="docker",
            services=(RunningService(service="app", container_id="c", host_port=1),),
        ),
        host=host,
    )


@activity.defn(name="register_page")
async def register_page(header: PlanHeader, page: PlanPage) -> None:
    mine = _mine()
    mine.log.append(f"register {page.first + len(page.apps)}")
    if mine.refuses_plan:
        raise ApplicationError("another plan", type="ALREADY_EXISTS", non_retryable=True)
    with _refusals():
        mine.store.register(header, page)


@activity.defn(name="read_apps")
async def read_apps(pipeline_id: str, positions: list[int]) -> list[AppEntry]:
    mine = _mine()
    mine.log.append(f"read {len(positions)}")
    if mine.reads is not None:
        await mine.reads.wait()
    return mine.store.read(positions)


@activity.defn(name="apps_to_retry")
async def apps_to_retry(pipeline_id: str, labels: list[str]) -> list[AppChoice]:
    with _refusals():
        return _mine().store.choices(labels)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except PlatformError as refusal:
        code = refusal.code
        raise ApplicationError(refusal.message, type=code, non_retryable=True) from refusal


@activity.defn(name="preflight")
async def preflight(analyzers: list[AnalyzerKind], services: list[PlatformService]) -> Preflight:
    return Preflight(
        analyzers=tuple(_analyzer(kind) for kind in analyzers),
        services=tuple(_service(service) for service in services),
    )


def _analyzer(kind: AnalyzerKind) -> AnalyzerReadiness:
    reason = _mine().down.get(kind, "")
    tools = () if reason else TOOLS[kind]
    starting = kind in _mine().starting
    return AnalyzerReadiness(
        analyzer=kind, ok=not reason, tools=tools, reason=reason, starting=starting
    )


def _service(service: PlatformService) -> ServiceReadiness:
    reason = _mine().down.get(service, "")
    return ServiceReadiness(service=service, ok=not reason, reason=reason)


@activity.defn(name="prepare_app")
async def prepare_app(app: AppSpec) -> StartOutcome:
    mine = _mine()
    if mine.queue is not None:
        await mine.turn(f"build {_name(app.ref)}")
    mine.log.append(f"build {_name(app.ref)}")
    async with mine.busy("build"):
        if app.ref.app_number in mine.builds:
            await mine.builds[app.ref.app_number].wait()
        return mine.prepares.get(app.ref.app_number, built)(app)


@activity.defn(name="start_app")
async def start_app(app: AppSpec) -> StartOutcome:
    mine = _mine()
    mine.log.append(f"start {_name(app.ref)}")
    return mine.starts.get(app.ref.app_number, running)(app)


@activity.defn(name="check_app")
async def check_app(app: RunningApp) -> AppCheck:
    answers = _mine().alive[int(app.workflow_id.rsplit("app", 1)[1])]
    answer = answers.pop(0) if answers else AppCheck(alive=True)
    if isinstance(answer, ApplicationError):
        raise answer
    return answer


@activity.defn(name="teardown_app")
async def teardown_app(workflow_id: str) -> TeardownReport:
    mine = _mine()
    mine.log.append(f"teardown {workflow_id.split('/', 2)[2]}")
    return TeardownReport(containers=1, facts=mine.left)


@activity.defn(name="run_analysis")
async def run_analysis(request: SubtaskRequest) -> SubtaskOutcome:
    mine = _mine()
    what = f"{_name(request.ref)}/{request.analyzer}"
    if mine.queue is not None:
        await mine.turn(what)
    mine.log.append(f"run {what}")
    live = [f"live {_name(request.ref)}"] if request.analyzer.is_live else []
    async with AsyncExitStack() as stack:
        for name in (*live, request.analyzer):
            await stack.enter_async_context(mine.busy(name))
        try:
            if request.analyzer in mine.runs:
                return await mine.runs[request.analyzer](request)
            return measured(request)
        finally:
            mine.log.append(f"end {what}")


@activity.defn(name="record_subtask")
async def record_subtask(app: AppSpec, outcome: SubtaskOutcome) -> SubtaskOutcome | None:
    mine = _mine()
    mine.log.append(f"record {_name(app.ref)}/{outcome.analyzer}")
    if outcome.analyzer in mine.unrecordable:
        raise ApplicationError("not in the plan", type="INVALID_ARGUMENT", non_retryable=True)
    lost = mine.lost.get(outcome.analyzer)
    mine.subtasks[outcome.subtask_id] = lost or outcome
    return lost


@activity.defn(name="record_app")
async def record_app(app: AppSpec, outcome: AppOutcome) -> None:
    _mine().apps[_name(app.ref)] = outcome


@activity.defn(name="record_skipped")
async def record_skipped(skipped: UnendedApps) -> None:
    _mine().store.skip(skipped)


@activity.defn(name="recorded_subtasks")
async def recorded_subtasks(app: AppSpec) -> list[SubtaskOutcome]:
    prefix = f"{app.pipeline_id}/{_name(app.ref)}/"
    return [outcome for key, outcome in _mine().subtasks.items() if key.startswith(prefix)]


@activity.defn(name="record_pipeline_state")
async def record_pipeline_state(pipeline_id: str, state: str, detail: dict[str, Any]) -> None:
    _mine().states.append((state, detail))


@activity.defn(name="await_app")
async def await_app(app: AppSpec) -> AppOutcome | None:
    _mine().log.append(f"await {_name(app.ref)}")
    return await ResultActivities(_UNUSED, _UNUSED).await_app(app)


@activity.defn(name="write_report")
async def write_report(pipeline_id: str) -> tuple[str, str]:
    _mine().log.append("report")
    return "/r/report.json", "/r/report.html"


FAKES = {
    name_of(fake): fake
    for fake in (
        register_page,
        read_apps,
        apps_to_retry,
        preflight,
        prepare_app,
        start_app,
        check_app,
        teardown_app,
        run_analysis,
        record_subtask,
        record_app,
        record_skipped,
        recorded_subtasks,
        record_pipeline_state,
        await_app,
        write_report,
    )
}


def with_fakes(activities: Activities) -> Activities:
    """What a class offers, with the fake of the same name wherever there is one."""
    return [FAKES.get(name_of(one), one) for one in activities]


_UNUSED: Any = None
_apps = AppActivities(FakeRuntime())
_analysis = AnalysisActivities(_UNUSED, _UNUSED, _UNUSED).activities()
CONTROL = [
    *_apps.in_control(),
    *PreflightActivities(_UNUSED, {}).activities(),
    *ResultActivities(_UNUSED, _UNUSED).activities(),
    *ReportActivities(_UNUSED, _UNUSED, _UNUSED).activities(),
]
QUEUES: dict[str, Activities] = {
    ids.TASK_QUEUE_APPS: _apps.on_any_host(),
    ids.task_queue_start(HOST): _apps.on_build_host(),
    ids.task_queue_host(HOST): _apps.on_app_host(),
    ids.TASK_QUEUE_WATCH: WATCH.activities(),
    **{ids.task_queue_analyzer(kind, HOST): _analysis for kind in AnalyzerKind},
}


@asynccontextmanager
async def workers(
    client: Client, build_id: str = "", slots: Mapping[str, int] | None = None
) -> AsyncIterator[None]:
    """One worker per task queue, as the composition root has them.

    With a `build_id` they are a version of the deployment `assay`. `slots` limits what goes on at
    once in a queue.

    Their workflows run outside the sandbox, which reads every module anew for each run (a third of
    the work here): the composition root's own workers (`test_two_hosts`) and the replayed histories
    have it.
    """
    fast: dict[str, Any] = {
        "max_heartbeat_throttle_interval": timedelta(milliseconds=50),
        "deployment_config": deployment_config("assay", build_id),
    }
    limits = slots or {}
    from tests.workflows.fake_scans import SCANS

    watch = {ids.TASK_QUEUE_WATCH: [*WATCH.activities(), *SCANS.in_watch()]}
    control = Worker(
        client,
        task_queue=ids.TASK_QUEUE_CONTROL,
        workflows=workflows_of(build_id),
        activities=[*with_fakes(CONTROL), *SCANS.in_control()],
        workflow_runner=UnsandboxedWorkflowRunner(),
        **fast,
    )
    others = (
        Worker(
            client,
            task_queue=queue,
            activities=with_fakes(activities),
            max_concurrent_activities=limits.get(queue),
            **fast,
        )
        for queue, activities in (QUEUES | watch).items()
    )
    async with at_work([control, *others]):
        yield
