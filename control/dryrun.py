"""Says what a spec would run, and what could not be measured; nothing is started."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from clients.artifacts import FileArtifactStore
from clients.docker.runtime import DockerRuntime
from clients.runtime import RuntimeSettings, choose_runtime
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.spec import PipelinePlan
from control.documents import Validated, ValidatedApp


class Machine(RuntimeSettings, Protocol):
    """The machine that does the work; `settings.Settings` has this shape."""

    docker_host: str

    def lacks(self, kind: AnalyzerKind) -> str:
        """What has to be done before `kind` can measure there; empty: nothing."""
        ...


def validated(spec: Path, plan: PipelinePlan, machine: Machine | None) -> Validated:
    """The plan in numbers, app by app. Blocking: asks for the engine.

    Args:
        spec: the file.
        plan: what it says.
        machine: that does the work; None: another one does, with what there is there.
    """
    analyzers = {app.ref.label: plan.app_spec(app).analyzers for app in plan.apps}
    return Validated(
        spec=str(spec.absolute()),
        analyzers=plan.spec.analyzers,
        tools=plan.spec.tools,
        parallelism=plan.spec.parallelism,
        egress=plan.spec.egress,
        cache=plan.spec.cache,
        subtasks=sum(map(len, analyzers.values())),
        apps=tuple(
            ValidatedApp(
                model=app.ref.model,
                app_number=app.ref.app_number,
                folder=app.source.path,
                files=app.source.files,
                size_bytes=app.source.size_bytes,
                digest=app.source.digest,
                template=app.template,
                role=app.role,
                analyzers=analyzers[app.ref.label],
            )
            for app in plan.apps
        ),
        baseline=plan.spec.baseline,
        suppressions=len(plan.spec.suppressions or ()),
        warnings=tuple(_warnings(plan, machine)),
    )


def _warnings(plan: PipelinePlan, machine: Machine | None) -> Iterator[str]:
    for app in plan.apps:
        if not app.source.files:
            yield f"{app.ref.label} has no files"
    if machine is not None:
        yield from _lacking(plan, machine)


def _lacking(plan: PipelinePlan, machine: Machine) -> Iterator[str]:
    """What this machine cannot measure."""
    for kind in plan.spec.analyzers:
        if lacking := machine.lacks(kind):
            yield f"{kind} cells would be infra_failed: {lacking}"
    live = [kind for kind in plan.spec.analyzers if kind.is_live]
    if live and not plan.spec.apps.trusted and (cause := no_engine(machine)):
        yield f"cells of {', '.join(live)} would be infra_failed: {cause}"


def no_engine(machine: Machine) -> str:
    """Why untrusted apps cannot run on `machine`; empty if they can. Blocking: asks for the engine.

    An app that is not trusted runs in a container or not at all.
    """
    try:
        with TemporaryDirectory() as folder:
            artifacts = FileArtifactStore(Path(folder))
            runtime = choose_runtime(machine, artifacts, docker_host=machine.docker_host)
    except PlatformError as error:
        return error.message
    return "" if isinstance(runtime, DockerRuntime) else "no container engine answers"
