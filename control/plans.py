"""Turns a spec file into a `PipelinePlan`; names whatever is wrong before anything starts."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from clients.source import digest_tree
from contract.errors import PlatformError
from contract.role import AppRole
from contract.roles import in_words, is_reserved
from contract.secret import SecretRef
from contract.spec import AppRef, PipelinePlan, PipelineSpec, PlannedApp
from contract.template import TemplateSpec
from control.added import control_templates, with_added
from control.choices import require_logins
from control.errors import WrongInputError
from control.fleet import (
    Folders,
    Say,
    chosen_apps,
    fleet_folders,
    folder_of,
    require_inside,
    silent,
)
from control.mistakes import unlike
from control.naming import pipeline_id as usable_id
from control.specfile import load_spec, read_yaml, validate
from control.suppressing import decided

Read = Callable[[PipelineSpec, AppRef, Path], PlannedApp]
"""Reads the folder of an app for a plan."""


def planned(spec: PipelineSpec, ref: AppRef, folder: Path) -> PlannedApp:
    """The app in `folder`, read for its digest.

    Raises:
        PlatformError: it cannot be read.
    """
    try:
        source = digest_tree(folder)
        source.path.encode()
    except PlatformError as error:
        raise WrongInputError(f"{folder}: {error.message}") from error
    except UnicodeError as error:
        raise WrongInputError(
            f"{folder}: a name in its path is not UTF-8", next_step="rename that folder or file"
        ) from error
    template = spec.apps.templates.get(ref.app_number)
    return PlannedApp(ref=ref, source=source, template=template)


def checked_plan(
    spec: Path, pipeline_id: str, say: Say, secret: Callable[[SecretRef], str] | None
) -> PipelinePlan:
    """The plan of the spec file, checked as far as it can be before the start. Blocking.

    Args:
        spec: the file.
        pipeline_id: ID of the pipeline to be.
        say: hears of folders that are left out.
        secret: finds a login as the worker will; None: the worker is elsewhere.

    Raises:
        PlatformError: as `load_plan`; or a login that the worker would not find.
    """
    plan = load_plan(spec, pipeline_id, say)
    if secret is not None:
        require_logins(plan.spec, secret)
    return plan


def load_plan(path: Path, pipeline_id: str, say: Say = silent) -> PipelinePlan:
    """The plan that the spec file at `path` describes; `say` hears of what is left out. Blocking.

    Raises:
        PlatformError: the spec cannot be read, a field is wrong, or a folder, model or number is
            missing.
    """
    return resolve(load_spec(path), path.parent, pipeline_id, say)


def resolve(
    spec: PipelineSpec,
    base: Path,
    pipeline_id: str,
    say: Say = silent,
    below: Path | None = None,
    read: Read = planned,
) -> PipelinePlan:
    """Find the apps of `spec` below `base` and read their sources' digests.

    Args:
        spec: what is asked for.
        base: folder where its relative paths begin.
        pipeline_id: ID of the pipeline to be.
        say: hears of folders that are left out.
        below: no app of the fleet that is elsewhere, links followed, is read; None: any is.
        read: reads the apps; a `Glance` only looks at them, for a plan that nobody starts.

    Raises:
        PlatformError: PERMISSION_DENIED: an app is not below `below`; or what is wrong in the spec.
    """
    usable_id(pipeline_id)
    root = folder_of(base, spec.apps.root, "apps.root")
    if not root.is_dir():
        raise WrongInputError(
            f"apps.root: no such folder: {root}", next_step="correct apps.root in the spec"
        )
    try:
        if below is not None:
            require_inside(root, below, "apps.root")
        folders = fleet_folders(root, say)
        chosen = [
            (AppRef(model=model, app_number=number), folders[model][number])
            for model, number in chosen_apps(spec.apps, folders, root)
        ]
        if below is not None:
            _require_below(chosen, below)
        read_app = partial(read, spec)
        apps = [read_app(ref, folder) for ref, folder in chosen]
        _require_some(spec, root, apps)
        _check_template_numbers(spec, folders)
        decisions = decided(spec.suppressions, base, root, say)
        # A schedule says when this runs again: it is no part of what runs.
        spec = spec.model_copy(update={"suppressions": decisions, "schedule": None})
        every = with_added(spec, base, apps, read_app)
        templates = _templates(spec, base) | control_templates(every)
    except OSError as error:
        raise WrongInputError(
            f"{error.filename or root}: {error.strerror}",
            next_step="make the folders of the fleet readable",
        ) from error
    return PipelinePlan(pipeline_id=pipeline_id, spec=spec, apps=tuple(every), templates=templates)


def _require_below(chosen: Iterable[tuple[AppRef, Path]], below: Path) -> None:
    """Refuse an app behind a link that leads out of `below`; the root itself is inside."""
    links: dict[str, frozenset[str]] = {}
    for ref, folder in chosen:
        if ref.model not in links:
            links[ref.model] = _links(folder.parent)
        its = links[ref.model]
        if its and ("" in its or folder.name in its):
            require_inside(folder, below, ref.label)


def _links(model: Path) -> frozenset[str]:
    """Names of the links in a model's folder; an empty one: it is itself behind a link."""
    with os.scandir(model) as entries:
        found = {entry.name for entry in entries if entry.is_symlink()}
    return frozenset(found | {""} if model.is_symlink() else found)


def _require_some(spec: PipelineSpec, root: Path, apps: Sequence[PlannedApp]) -> None:
    if not apps and spec.apps.only is None:
        raise WrongInputError(
            f"no apps below {root}", next_step="apps are folders <root>/<model>/app<N>/"
        )
    if not apps:
        raise WrongInputError(
            "apps.only names no app", next_step="name one: MODEL/appN, or remove it"
        )


def _check_template_numbers(spec: PipelineSpec, folders: Folders) -> None:
    """Refuse a template for an app number that no model has."""
    there = {number for apps in folders.values() for number in apps}
    idle = sorted(set(spec.apps.templates) - there)
    if idle:
        raise WrongInputError(
            f"apps.templates: no model has {', '.join(f'app{number}' for number in idle)}",
            next_step=f"numbers there: {', '.join(map(str, sorted(there)))}",
        )


def _templates(spec: PipelineSpec, base: Path) -> dict[str, TemplateSpec]:
    slugs = sorted(set(spec.apps.templates.values()))
    if reserved := [slug for slug in slugs if is_reserved(slug)]:
        raise WrongInputError(
            f"apps.templates: {reserved[0]!r} begins like the names of Assay's own templates",
            next_step="rename the template",
        )
    if not slugs or spec.apps.templates_dir is None:
        return {slug: TemplateSpec(slug=slug) for slug in slugs}
    folder = folder_of(base, spec.apps.templates_dir, "apps.templates_dir")
    return {slug: _template(folder, slug) for slug in slugs}


def _template(folder: Path, slug: str) -> TemplateSpec:
    path = folder / f"{slug}.yaml"
    if not path.is_file():
        there = {file.stem: file for file in folder.glob("*.yaml")}
        raise WrongInputError(f"apps.templates: {unlike(slug, there, 'template')} in {folder}")
    return validate(TemplateSpec, read_yaml(path, "template"), str(path))


def plan_line(plan: PipelinePlan) -> str:
    """What is about to run, in one line."""
    models = {app.ref.model for app in plan.apps if app.role is AppRole.SUBJECT}
    subjects = sum(app.role is AppRole.SUBJECT for app in plan.apps)
    analyzers = ", ".join(plan.spec.analyzers)
    beside = in_words(Counter(app.role for app in plan.apps))
    line = f"{subjects} apps of {len(models)} models through {analyzers}"
    return f"{line}; beside them {beside}" if beside else line
