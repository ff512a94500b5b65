"""Which apps a running pipeline gets on top: found where it found the others, or elsewhere."""

from collections.abc import Sequence
from pathlib import Path

from cli.errors import UserError
from contract.spec import AppRef, PipelinePlan, PlannedApp
from control.fleet import app_folders, folder_of, model_folders, planned
from control.specfile import unlike

_LISTED = 20


def apps_to_add(plan: PipelinePlan, refs: Sequence[AppRef], root: Path | None) -> list[PlannedApp]:
    """The apps that `refs` name, read from their folders.

    Args:
        plan: of the running pipeline.
        refs: which; when there are none, the error lists those one may add.
        root: folder of the fleet; None: the one of the pipeline.

    Raises:
        UserError: an app is not there, or in the pipeline already.
    """
    folders = _folders(_root_of(plan) if root is None else folder_of(Path.cwd(), str(root), "root"))
    known = {app.ref.label for app in plan.apps}
    if not refs:
        new = [key for key in folders if key not in known]
        there = f"there are {', '.join(new[:_LISTED])}" if new else "there is none"
        raise UserError("which apps?", next_step=f"name them as MODEL/appN; {there}")
    chosen = {ref.label: ref for ref in refs}
    for key in chosen:
        if key in known:
            raise UserError(
                f"{key} is in pipeline {plan.pipeline_id} already",
                next_step="retry runs an app of the pipeline again",
            )
        if key not in folders:
            raise UserError(unlike(key, folders, "app"), next_step=_where(folders))
    return [planned(plan.spec, ref, folders[key]) for key, ref in chosen.items()]


def _where(folders: dict[str, Path]) -> str:
    roots = sorted({str(folder.parent.parent) for folder in folders.values()})
    return f"apps are folders <root>/<model>/app<N>/ below {', '.join(roots) or 'the root'}"


def _root_of(plan: PipelinePlan) -> Path:
    """Where the pipeline found its apps: `<root>/<model>/app<N>`."""
    roots = {Path(app.source.path).parent.parent for app in plan.apps}
    if len(roots) != 1:
        raise UserError(
            f"pipeline {plan.pipeline_id} has apps of several folders", next_step="name --root"
        )
    return roots.pop()


def _folders(root: Path) -> dict[str, Path]:
    """Folders by `model/appN`."""
    try:
        return {
            f"{model}/app{number}": folder
            for model, models in model_folders(root).items()
            for number, folder in app_folders(models).items()
        }
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: {error.strerror}", next_step="name its place with --root"
        ) from error
