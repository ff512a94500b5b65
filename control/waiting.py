"""What of a pipeline waits, and why, in sentences. Pure, without I/O."""

from collections import Counter
from collections.abc import Iterator

from contract.progress import AppProgress, PipelinePhase, PipelineProgress

_GOING = (PipelinePhase.RUNNING, PipelinePhase.PAUSED, PipelinePhase.WAITING)
# Different sentences of apps that are told; the rest is counted.
_MOST = 12
_WORDS = ("waits", "is tried again")


def waits_of(progress: PipelineProgress) -> tuple[str, ...]:
    """A sentence for each thing that waits, the widest first."""
    return tuple(dict.fromkeys((*_whole(progress), *_parts(progress), *_apps(progress.apps))))


def is_running(app: AppProgress) -> bool:
    """Whether a workflow works on it now, whatever that waits for."""
    return app.state is None and bool(app.workflow_id)


def _whole(progress: PipelineProgress) -> Iterator[str]:
    if progress.phase is PipelinePhase.PAUSED:
        yield "everything that has not begun: the pipeline is paused"
    elif progress.phase is PipelinePhase.WAITING and progress.message:
        yield f"the pipeline {progress.message}"
    under_way = sum(is_running(app) for app in progress.apps)
    if (ahead := under_way - progress.in_flight) > 0:
        yield f"{_count(ahead)} for a place, and built meanwhile"
    coming = progress.total - progress.finished - max(under_way, progress.in_flight)
    if progress.phase in _GOING and coming > 0:
        yield f"{_count(coming)} for a place: {progress.parallelism} may be in flight at once"


def _parts(progress: PipelineProgress) -> Iterator[str]:
    ready = {analyzer.analyzer.value: analyzer for analyzer in progress.analyzers}
    for breaker in progress.breakers:
        analyzer = ready.get(breaker.name)
        if breaker.state != "closed" and not (analyzer and analyzer.starting):
            yield f"what needs {breaker.name}: its breaker is {breaker.state}, {breaker.reason}"
    for name, analyzer in ready.items():
        if not analyzer.ok and analyzer.reason:
            yield f"what needs {name}: {analyzer.reason}"


def _apps(apps: tuple[AppProgress, ...]) -> Iterator[str]:
    """What the running apps wait for; the same sentence of many apps stands once."""
    sentences = Counter(
        sentence
        for app in apps
        if is_running(app)
        for sentence in app.step.split("; ")
        if any(word in sentence for word in _WORDS)
    )
    for sentence, apps_ in sentences.most_common(_MOST):
        yield f"{_count(apps_)}: {sentence}"
    if len(sentences) > _MOST:
        yield f"and {len(sentences) - _MOST} other reasons"


def _count(apps: int) -> str:
    return f"{apps} app" if apps == 1 else f"{apps} apps"
