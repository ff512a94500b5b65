"""From a spec file to a `PipelinePlan`: whatever is wrong is named before anything starts."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from cli.errors import UserError
from clients.source import digest_tree
from contract.errors import PlatformError
from contract.ids import model_from_safe
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, TemplateSpec
from control.naming import pipeline_id as usable_id
from control.specfile import load_spec, read_yaml, unlike, validate

Say = Callable[[str], None]
_APP_FOLDER = re.compile(r"^app([1-9][0-9]{0,5})$")
_NEARLY_APP = re.compile(r"^app[ ._-]?[0-9]+$", re.IGNORECASE)


def _silent(_: str) -> None:
    """Nobody is told."""


def load_plan(path: Path, pipeline_id: str, say: Say = _silent) -> PipelinePlan:
    """The plan that the spec file at `path` describes; `say` hears of what is left out.

    Raises:
        UserError: the spec cannot be read, a field is wrong, a folder, model or number is missing.
    """
    return resolve(load_spec(path), path.parent, pipeline_id, say)


def resolve(spec: PipelineSpec, base: Path, pipeline_id: str, say: Say = _silent) -> PipelinePlan:
    """Find the apps of `spec` below `base` and read their sources' digests."""
    usable_id(pipeline_id)
    root = folder_of(base, spec.apps.root, "apps.root")
    if not root.is_dir():
        raise UserError(
            f"apps.root: no such folder: {root}", next_step="correct apps.root in the spec"
        )
    try:
        return _resolve(spec, base, root, pipeline_id, say)
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: {error.strerror}",
            next_step="make the folders of the fleet readable",
        ) from error


def folder_of(base: Path, text: str, field: str) -> Path:
    """The folder that a person means by `text`, relative to `base`.

    Raises:
        UserError: no path at all; whether it exists is not looked at.
    """
    try:
        return (base / Path(text).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a loop of links, a NUL
        raise UserError(
            f"{field}: not a folder: {text!r} ({error})", next_step=f"correct {field}"
        ) from error


def _resolve(
    spec: PipelineSpec, base: Path, root: Path, pipeline_id: str, say: Say
) -> PipelinePlan:
    folders = model_folders(root, say)
    apps = [
        planned(spec, AppRef(model=model, app_number=number), folder)
        for model, number, folder in _chosen(spec.apps, folders, root)
    ]
    if not apps and spec.apps.only is None:
        raise UserError(
            f"no apps below {root}", next_step="apps are folders <root>/<model>/app<N>/"
        )
    if not apps:
        raise UserError("apps.only names no app", next_step="name one: MODEL/appN, or remove it")
    _check_template_numbers(spec, folders)
    return PipelinePlan(
        pipeline_id=pipeline_id, spec=spec, apps=tuple(apps), templates=_templates(spec, base)
    )


def model_folders(root: Path, say: Say = _silent) -> dict[str, Path]:
    """Folders of models below `root`, by model."""
    folders: dict[str, Path] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or not app_folders(folder, say):
            continue
        model = _model_name(folder)
        if model in folders:
            raise UserError(
                f"two folders stand for model {model!r}: {folders[model].name!r}, {folder.name!r}",
                next_step="rename or remove one of them",
            )
        folders[model] = folder
    return folders


def _model_name(folder: Path) -> str:
    try:
        return AppRef(model=model_from_safe(folder.name), app_number=1).model
    except ValidationError as error:
        raise UserError(
            f"{folder}: no model can be named like this: {error.errors()[0]['msg']}",
            next_step="rename the folder: UTF-8, 1 to 120 characters, not only blanks",
        ) from error


def app_folders(model: Path, say: Say = _silent) -> dict[int, Path]:
    """Apps of a model by number; `say` hears of folders that nearly look like one."""
    apps: dict[int, Path] = {}
    for folder in sorted(model.iterdir()):
        if match := _APP_FOLDER.match(folder.name):
            apps[int(match[1])] = folder
        elif _NEARLY_APP.match(folder.name) and folder.is_dir():
            say(f"left out: {folder} (folders of apps are named app1, app2, ...)")
    return apps


def _chosen(
    apps: AppsSpec, folders: Mapping[str, Path], root: Path
) -> Iterator[tuple[str, int, Path]]:
    """Model, number and folder of each app that the spec asks for."""
    if apps.only is not None:
        yield from _single(apps, apps.only, folders, root)
        return
    for model in _models(apps, folders, root):
        for number, folder in _apps(apps, model, folders[model]):
            yield model, number, folder


def _single(
    apps: AppsSpec, names: tuple[str, ...], folders: Mapping[str, Path], root: Path
) -> Iterator[tuple[str, int, Path]]:
    """The apps of `apps.only`, in its order."""
    if apps.models is not None or apps.numbers is not None:
        raise UserError(
            "apps.only names each app: it stands for models and numbers as well",
            next_step="remove apps.models and apps.numbers, or apps.only",
        )
    there = {
        f"{model}/app{number}": (model, number, folder)
        for model, path in folders.items()
        for number, folder in app_folders(path).items()
    }
    wrong = [unlike(name, there, "app") for name in names if name not in there]
    if wrong:
        raise UserError(
            f"apps.only: not below {root}",
            lines=tuple(wrong),
            next_step=f"write MODEL/appN; there: {_few(there)}",
        )
    _refuse_repeated("apps.only", names)
    yield from (there[name] for name in names)


def _few(names: Iterable[str]) -> str:
    """The first ten."""
    known = list(names)
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return (", ".join(known[:10]) or "none") + more


def _refuse_repeated(field: str, names: Sequence[object]) -> None:
    repeated = [str(name) for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise UserError(f"{field}: listed twice: {', '.join(repeated)}", next_step="list it once")


def _models(apps: AppsSpec, folders: Mapping[str, Path], root: Path) -> list[str]:
    if apps.models is None:
        return list(folders)
    wrong = [unlike(model, folders, "model") for model in apps.models if model not in folders]
    if wrong:
        raise UserError(
            f"apps.models: not below {root}",
            lines=tuple(wrong),
            next_step=f"models there: {', '.join(folders) or 'none'}",
        )
    _refuse_repeated("apps.models", apps.models)
    return list(apps.models)


def _apps(apps: AppsSpec, model: str, folder: Path) -> list[tuple[int, Path]]:
    there = app_folders(folder)
    numbers = sorted(there) if apps.numbers is None else list(apps.numbers)
    missing = [number for number in numbers if number not in there]
    if missing:
        raise UserError(
            f"apps.numbers: {model} has no app{missing[0]}",
            lines=tuple(f"{model}: no folder {folder / f'app{number}'}" for number in missing),
            next_step=f"{model} has: {', '.join(f'app{number}' for number in sorted(there))}",
        )
    _refuse_repeated("apps.numbers", numbers)
    return [(number, there[number]) for number in numbers]


def planned(spec: PipelineSpec, ref: AppRef, folder: Path) -> PlannedApp:
    """The app in `folder`, read for its digest.

    Raises:
        UserError: it cannot be read.
    """
    try:
        source = digest_tree(folder)
        source.path.encode()
    except PlatformError as error:
        raise UserError(f"{folder}: {error.message}") from error
    except UnicodeError as error:
        raise UserError(
            f"{folder}: a name in its path is not UTF-8", next_step="rename that folder or file"
        ) from error
    template = spec.apps.templates.get(ref.app_number)
    return PlannedApp(ref=ref, source=source, template=template)


def _check_template_numbers(spec: PipelineSpec, folders: Mapping[str, Path]) -> None:
    """A template for an app that no model has is a slip of the pen."""
    there = {number for folder in folders.values() for number in app_folders(folder)}
    idle = sorted(set(spec.apps.templates) - there)
    if idle:
        raise UserError(
            f"apps.templates: no model has {', '.join(f'app{number}' for number in idle)}",
            next_step=f"numbers there: {', '.join(map(str, sorted(there)))}",
        )


def _templates(spec: PipelineSpec, base: Path) -> dict[str, TemplateSpec]:
    slugs = sorted(set(spec.apps.templates.values()))
    if not slugs or spec.apps.templates_dir is None:
        return {slug: TemplateSpec(slug=slug) for slug in slugs}
    folder = folder_of(base, spec.apps.templates_dir, "apps.templates_dir")
    return {slug: _template(folder, slug) for slug in slugs}


def _template(folder: Path, slug: str) -> TemplateSpec:
    path = folder / f"{slug}.yaml"
    if not path.is_file():
        there = {file.stem: file for file in folder.glob("*.yaml")}
        raise UserError(f"apps.templates: {unlike(slug, there, 'template')} in {folder}")
    return validate(TemplateSpec, read_yaml(path, "template"), str(path))
