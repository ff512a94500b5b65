"""The next steps after errors of `control`, as commands that the user can type."""

from cli.program import command
from contract.errors import NewerSchemaError, PlatformError
from control import errors

AI_IS_OFF = (
    "AI is left out: set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS (an OpenAI-compatible endpoint)"
)

_PIPELINES = ("status", "pipelines")


def next_step_of(error: PlatformError) -> str:
    """The next step after `error`; empty if none is known."""
    match error:
        case errors.StoreGoneError():
            return f"put the file back; if it is lost, {command('rebuild')} makes its rows again"
        case errors.NoPipelineError() | errors.NotStoredError() | errors.NoScheduleError():
            of_schedules = isinstance(error, errors.NoScheduleError)
            lists, things = ("schedule list", "schedules") if of_schedules else _PIPELINES
            return f"{command(lists)} lists the {things} there are"
        case errors.AlreadyRanError(pipeline_id=id_):
            return (
                f"see it with {command(f'report {id_}')}, repeat what failed with "
                f"{command(f'retry {id_}')}, or choose another --id"
            )
        case errors.EndedError(pipeline_id=id_):
            return f"{command(f'report {id_}')} tells what came of it"
        case errors.NoMoreAppsError():
            return "submit the apps under another --id"
        case errors.NoReportError(pipeline_id=id_):
            return f"{command(f'status {id_}')} says whether it still runs"
        case errors.DamagedReportError(pipeline_id=id_) | errors.OldReportError(pipeline_id=id_):
            return f"{command(f'report {id_} --anew')} writes it anew from what is recorded"
        case errors.NoWorkerError():
            return "start one with 'python worker.py' and the same TEMPORAL_* settings"
        case errors.OtherPlanError():
            return "choose another --id, or cancel the running one first"
        case _:
            return _of_versions(error) or error.next_step


def _of_versions(error: PlatformError) -> str:
    """Of the workers' code, or of the store's schema."""
    if isinstance(error, errors.StrandedError) and (build := error.build_id):
        move = command(f"deployment move {build}")
        return f"start a worker of that build, or let it go on on the current one: {move}"
    if not isinstance(error, NewerSchemaError):
        return ""
    back = command(f"store downgrade {error.known}")
    return f"update Assay, or take the store back with the version that wrote it: there, {back}"
