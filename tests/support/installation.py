"""A small installation with one ended pipeline: store, artifacts and sources are real files."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from clients.artifacts import FileArtifactStore
from clients.source import digest_tree
from contract.analysis import AnalyzerReport, MeasurementState
from contract.outcome import AppFacts, AppOutcome, SubtaskOutcome
from contract.plan import PlanHeader, pages_of
from contract.spec import AppRef, AppSpec, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp
from control.stored import Stored
from store.results import SqlResultStore
from tests.activities.fakes import archive
from tests.store import samples
from tests.support.new_store import new_store


@dataclass(frozen=True, slots=True)
class Installation:
    """A data folder with its store."""

    data_dir: Path

    @property
    def url(self) -> str:
        """Of the store."""
        return f"sqlite:///{self.data_dir}/assay.db"

    @property
    def stored(self) -> Stored:
        """The store as commands read it."""
        return Stored(self.url, in_use=lambda: False)

    @property
    def artifacts(self) -> FileArtifactStore:
        """Results and logs."""
        return FileArtifactStore(self.data_dir / "artifacts")

    async def changed(self, change: Callable[[SqlResultStore], Awaitable[None]]) -> None:
        """Do something with the open store."""
        await new_store(self.url)
        store = SqlResultStore.from_url(self.url)
        try:
            await change(store)
        finally:
            await store.close()


def write_fleet(root: Path, apps: int = 2) -> None:
    """Folders of apps of one model."""
    for number in range(1, apps + 1):
        folder = root / "m" / f"app{number}"
        folder.mkdir(parents=True)
        (folder / "app.py").write_text(f"print({number})\n")


def plan_of(root: Path, pipeline_id: str = "p1", apps: int = 2) -> PipelinePlan:
    """The plan over such a fleet."""
    return PipelinePlan(
        pipeline_id=pipeline_id,
        spec=PipelineSpec(apps=AppsSpec(root=str(root))),
        apps=tuple(
            PlannedApp(
                ref=AppRef(model="m", app_number=number),
                source=digest_tree(root / "m" / f"app{number}"),
            )
            for number in range(1, apps + 1)
        ),
    )


async def analysed(installation: Installation, root: Path, pipeline_id: str = "p1") -> None:
    """An ended pipeline: app 1 was measured, with one tool in a retry; app 2 did not start."""
    plan = plan_of(root, pipeline_id)
    whole = samples.report(
        samples.measured(),
        samples.failed(),
        fused=(samples.finding(0).model_copy(update={"witnesses": ("bandit:B0",)}),),
    )
    retried = samples.report(samples.measured("semgrep", findings=1))

    async def record(store: SqlResultStore) -> None:
        for page in pages_of(plan):
            await store.register_page(PlanHeader.of(plan), page)
        first, second = (plan.app_spec(app) for app in plan.apps)
        log = await installation.artifacts.put_bytes(b"built\n", "build.log")
        for report in (whole, retried):
            outcome = await _outcome(installation, first, report)
            await store.record_subtask(pipeline_id, first, outcome, report)
        facts = AppFacts(logs=(log,))
        measured = AppOutcome(ref=first.ref, state=MeasurementState.MEASURED, facts=facts)
        await store.record_app(first, measured)
        await store.record_app(
            second,
            AppOutcome(ref=second.ref, state=MeasurementState.APP_FAILED, reason="exit code 1"),
        )
        await store.record_pipeline_state(pipeline_id, "completed", {"host": "h"})

    await installation.changed(record)


async def _outcome(
    installation: Installation, app: AppSpec, report: AnalyzerReport
) -> SubtaskOutcome:
    ref = await installation.artifacts.put_bytes(archive(report), "static.tar")
    return samples.outcome(report, app).model_copy(update={"report": ref})
