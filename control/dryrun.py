"""What a spec would run, and what would not be measured as things are; nothing is started."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from clients.artifacts import FileArtifactStore
from clients.docker.runtime import DockerRuntime
from clients.runtime import choose_runtime
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.spec import PipelinePlan
from control.documents import Validated, ValidatedApp
from settings import Settings, temporal_is_configured


def validated(settings: Settings, spec: Path, plan: PipelinePlan) -> Validated:
    """The plan in numbers, app by app. Blocking: asks for the engine."""
    return Validated(
        spec=str(spec.absolute()),
        analyzers=plan.spec.analyzers,
        tools=plan.spec.tools,
        parallelism=plan.spec.parallelism,
        egress=plan.spec.egress,
        cache=plan.spec.cache,
        subtasks=len(plan.apps) * len(plan.spec.analyzers),
        apps=tuple(
            ValidatedApp(
                model=app.ref.model,
                app_number=app.ref.app_number,
                folder=app.source.path,
                files=app.source.files,
                size_bytes=app.source.size_bytes,
                digest=app.source.digest,
                template=app.template,
            )
            for app in plan.apps
        ),
        warnings=tuple(_warnings(settings, plan)),
    )


def _warnings(settings: Settings, plan: PipelinePlan) -> Iterator[str]:
    for app in plan.apps:
        if not app.source.files:
            yield f"{app.ref.label} has no files"
    if temporal_is_configured():  # the work is done elsewhere, with what there is there
        return
    for kind in plan.spec.analyzers:
        if kind is AnalyzerKind.AI and not settings.ai_configured:
            yield "ai cells would be infra_failed: set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS"
        elif kind is not AnalyzerKind.AI and not (settings.tools_dir / kind).is_dir():
            yield f"{kind} cells would be infra_failed: its tools are not installed (make tools)"
    live = [kind for kind in plan.spec.analyzers if kind.is_live]
    if live and not plan.spec.apps.trusted and (cause := _no_engine(settings)):
        yield f"cells of {', '.join(live)} would be infra_failed: {cause}"


def _no_engine(settings: Settings) -> str:
    """Why apps that are not ours cannot run here; empty when they can."""
    try:
        with TemporaryDirectory() as folder:
            artifacts = FileArtifactStore(Path(folder))
            runtime = choose_runtime(settings, artifacts, docker_host=settings.docker_host)
    except PlatformError as error:
        return error.message
    return "" if isinstance(runtime, DockerRuntime) else "no container engine answers"
