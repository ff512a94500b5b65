"""Turns a spec file into a `PipelinePlan`; names whatever is wrong before anything starts."""

from collections import Counter
from collections.abc import Callable, Mapping
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
    Say,
    app_folders,
    chosen_apps,
    folder_of,
    model_folders,
    require_inside,
    silent,
)
from control.mistakes import unlike
from control.naming import pipeline_id as usable_id
from control.specfile import load_spec, read_yaml, validate
from control.suppressing import decided


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
) -> PipelinePlan:
    """Find the apps of `spec` below `base` and read their sources' digests.

    Args:
        spec: what is asked for.
        base: folder where its relative paths begin.
        pipeline_id: ID of the pipeline to be.
        say: hears of folders that are left out.
        below: no app of the fleet that is elsewhere, links followed, is read; None: any is.

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
            for model, number, folder in chosen_apps(spec.apps, model_folders(root), root):
                if folder.is_symlink() or folder.parent.is_symlink():
                    require_inside(folder, below, f"{model}/app{number}")
        return _resolve(spec, base, root, pipeline_id, say)
    except OSError as error:
        raise WrongInputError(
            f"{error.filename or root}: {error.strerror}",
            next_step="make the folders of the fleet readable",
        ) from error


def _resolve(
    spec: PipelineSpec, base: Path, root: Path, pipeline_id: str, say: Say
) -> PipelinePlan:
    folders = model_folders(root, say)
    apps = [
        planned(spec, AppRef(model=model, app_number=number), folder)
        for model, number, folder in chosen_apps(spec.apps, folders, root)
    ]
    if not apps and spec.apps.only is None:
        raise WrongInputError(
            f"no apps below {root}", next_step="apps are folders <root>/<model>/app<N>/"
        )
    if not apps:
        raise WrongInputError(
            "apps.only names no app", next_step="name one: MODEL/appN, or remove it"
        )
    _check_template_numbers(spec, folders)
    decisions = decided(spec.suppressions, base, root, say)
    spec = spec.model_copy(update={"suppressions": decisions})
    every = with_added(spec, base, apps, partial(planned, spec))
    templates = _templates(spec, base) | control_templates(every)
    return PipelinePlan(pipeline_id=pipeline_id, spec=spec, apps=tuple(every), templates=templates)


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


def _check_template_numbers(spec: PipelineSpec, folders: Mapping[str, Path]) -> None:
    """Refuse a template for an app number that no model has."""
    there = {number for folder in folders.values() for number in app_folders(folder)}
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
