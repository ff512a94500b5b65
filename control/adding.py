"""Adds apps to a running pipeline: from the folder of its fleet, or from another one."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from contract.errors import ErrorCode, PlatformError
from contract.role import AppRole
from contract.spec import AppRef, PipelinePlan, PlannedApp
from control.documents import Added
from control.errors import NoMoreAppsError, NotStoredError, WrongInputError
from control.fleet import Folders, fleet_folders, folder_of
from control.mistakes import unlike
from control.pipelines import Pipeline
from control.plans import planned
from control.stored import Stored

_LISTED = 20


async def add(
    pipeline: Pipeline, stored: Stored, refs: Sequence[AppRef], root: Path | None
) -> Added:
    """Add the apps that `refs` name to a running pipeline.

    Args:
        pipeline: that gets them.
        stored: where the plan of the pipeline is.
        refs: names of the apps; if empty, the error lists the apps that can be added.
        root: folder of the fleet; None: the one of the pipeline.

    Raises:
        NoMoreAppsError: the pipeline has ended.
        PlatformError: an app is not there, or in the pipeline already; no server answers.
    """
    if not await pipeline.is_running():
        raise NoMoreAppsError(pipeline.id)
    try:
        plan = await stored.plan(pipeline.id)
    except NotStoredError as error:
        raise PlatformError(
            ErrorCode.UNAVAILABLE,
            f"the plan of pipeline {pipeline.id} is not in this machine's store, or not yet",
            next_step="name the store of the pipeline's worker (ASSAY_DB_URL), or ask again soon",
        ) from error
    apps = await asyncio.to_thread(apps_to_add, plan, refs, root)
    count = await pipeline.add_apps(apps)
    names = tuple(app.ref.label for app in apps)
    return Added(pipeline_id=pipeline.id, added=names, apps=count)


async def addable(stored: Stored, pipeline_id: str) -> tuple[str, ...]:
    """Labels of the apps in the folder of the pipeline's fleet that it does not have.

    Raises:
        NotStoredError: there is no such pipeline, or no store.
        WrongInputError: its apps are not of one folder, or that cannot be read.
        PlatformError: the store cannot be read.
    """
    apps = await stored.answered(pipeline_id, lambda store: store.app_paths(pipeline_id))
    if not apps:
        raise NotStoredError(pipeline_id, f"no pipeline {pipeline_id!r} in the store")
    root = _one_root(pipeline_id, (app.path for app in apps if app.role == AppRole.SUBJECT))
    folders = await asyncio.to_thread(_folders, root)
    known = {(app.model, app.number) for app in apps}
    return tuple(
        _label(model, number)
        for model, there in folders.items()
        for number in there
        if (model, number) not in known
    )


def apps_to_add(plan: PipelinePlan, refs: Sequence[AppRef], root: Path | None) -> list[PlannedApp]:
    """The apps that `refs` name, read from their folders.

    Args:
        plan: of the running pipeline.
        refs: names of the apps; if empty, the error lists the apps that can be added.
        root: folder of the fleet; None: the one of the pipeline.

    Raises:
        PlatformError: an app is not there, or in the pipeline already.
    """
    where = _root_of(plan) if root is None else folder_of(Path.cwd(), str(root), "root")
    folders = {
        _label(model, number): folder
        for model, there in _folders(where).items()
        for number, folder in there.items()
    }
    known = {app.ref.label for app in plan.apps}
    if not refs:
        new = [key for key in folders if key not in known]
        there = f"there are {', '.join(new[:_LISTED])}" if new else "there is none"
        raise WrongInputError("which apps?", next_step=f"name them as MODEL/appN; {there}")
    chosen = {ref.label: ref for ref in refs}
    for key in chosen:
        if key in known:
            raise WrongInputError(
                f"{key} is in pipeline {plan.pipeline_id} already",
                next_step="retry the app, which runs it again",
            )
        if key not in folders:
            raise WrongInputError(unlike(key, folders, "app"), next_step=_where(folders))
    return [planned(plan.spec, ref, folders[key]) for key, ref in chosen.items()]


def _where(folders: dict[str, Path]) -> str:
    roots = sorted({str(folder.parent.parent) for folder in folders.values()})
    return f"apps are folders <root>/<model>/app<N>/ below {', '.join(roots) or 'the root'}"


def _root_of(plan: PipelinePlan) -> Path:
    """Where the pipeline found its apps: `<root>/<model>/app<N>`."""
    subjects = (app.source.path for app in plan.apps if app.role is AppRole.SUBJECT)
    return _one_root(plan.pipeline_id, subjects)


def _one_root(pipeline_id: str, paths: Iterable[str]) -> Path:
    roots = {os.path.dirname(os.path.dirname(path)) for path in paths}
    if len(roots) != 1:
        raise WrongInputError(
            f"pipeline {pipeline_id} has apps of several folders",
            next_step="name the root they are below",
        )
    return Path(roots.pop())


def _label(model: str, number: int) -> str:
    return AppRef(model=model, app_number=number).label


def _folders(root: Path) -> Folders:
    try:
        return fleet_folders(root)
    except OSError as error:
        raise WrongInputError(
            f"{error.filename or root}: {error.strerror}", next_step="name the root of the fleet"
        ) from error
