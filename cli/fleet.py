"""From a spec file to a `PipelinePlan`: whatever is wrong is named before anything starts."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from cli.errors import UserError
from clients.source import digest_tree
from contract.errors import PlatformError
from contract.ids import PIPELINE_ID_PATTERN, model_from_safe
from contract.spec import AppRef, PipelinePlan, PipelineSpec, PlannedApp, TemplateSpec

_Model = TypeVar("_Model", bound=BaseModel)
MAX_SPEC_BYTES = 4 * 1024 * 1024
_APP_FOLDER = re.compile(r"^app([1-9][0-9]{0,5})$")


def load_plan(path: Path, pipeline_id: str) -> PipelinePlan:
    """The plan that the spec file at `path` describes.

    Raises:
        UserError: the spec cannot be read, a field is wrong, a folder, model or number is missing.
    """
    return resolve(load_spec(path), path.parent, pipeline_id)


def load_spec(path: Path) -> PipelineSpec:
    """Read and validate a spec file (YAML, of which JSON is a subset)."""
    return parse_spec(_read_yaml(path, "spec"), str(path))


def parse_spec(document: Any, name: str) -> PipelineSpec:
    """Validate a spec; an error names each wrong field and the nearest right one."""
    return _validate(PipelineSpec, document, name)


def resolve(spec: PipelineSpec, base: Path, pipeline_id: str) -> PipelinePlan:
    """Find the apps of `spec` below `base` and read their sources' digests."""
    if not re.fullmatch(PIPELINE_ID_PATTERN, pipeline_id):
        raise UserError(
            f"pipeline id {pipeline_id!r} is not usable",
            next_step="use letters, digits, '.', '_' and '-', starting with a letter or digit, "
            "at most 63 characters",
        )
    root = (base / Path(spec.apps.root).expanduser()).resolve()
    if not root.is_dir():
        raise UserError(
            f"apps.root: no such folder: {root}", next_step="correct apps.root in the spec"
        )
    folders = _model_folders(root)
    apps = [
        app for model in _models(spec, folders, root) for app in _apps(spec, model, folders[model])
    ]
    if not apps:
        raise UserError(
            f"no apps below {root}", next_step="apps are folders <root>/<model>/app<N>/"
        )
    return PipelinePlan(
        pipeline_id=pipeline_id, spec=spec, apps=tuple(apps), templates=_templates(spec, base)
    )


def _model_folders(root: Path) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or not any(_APP_FOLDER.match(sub.name) for sub in folder.iterdir()):
            continue
        model = model_from_safe(folder.name)
        if model in folders:
            raise UserError(
                f"two folders stand for model {model!r}: {folders[model].name}, {folder.name}",
                next_step="rename or remove one of them",
            )
        folders[model] = folder
    return folders


def _models(spec: PipelineSpec, folders: Mapping[str, Path], root: Path) -> list[str]:
    if spec.apps.models is None:
        return list(folders)
    wrong = [_unlike(model, folders, "model") for model in spec.apps.models if model not in folders]
    if wrong:
        raise UserError(
            f"apps.models: not below {root}",
            lines=tuple(wrong),
            next_step=f"models there: {', '.join(folders) or 'none'}",
        )
    repeated = sorted({model for model in spec.apps.models if spec.apps.models.count(model) > 1})
    if repeated:
        raise UserError(
            f"apps.models: listed twice: {', '.join(repeated)}", next_step="list it once"
        )
    return list(spec.apps.models)


def _apps(spec: PipelineSpec, model: str, folder: Path) -> list[PlannedApp]:
    there = {int(m[1]): sub for sub in folder.iterdir() if (m := _APP_FOLDER.match(sub.name))}
    numbers = sorted(there) if spec.apps.numbers is None else list(spec.apps.numbers)
    missing = [number for number in numbers if number not in there]
    if missing:
        raise UserError(
            f"apps.numbers: {model} has no app{missing[0]}",
            lines=tuple(f"{model}: no folder {folder / f'app{number}'}" for number in missing),
            next_step=f"{model} has: {', '.join(f'app{number}' for number in sorted(there))}",
        )
    if len(set(numbers)) != len(numbers):
        raise UserError("apps.numbers: a number is listed twice", next_step="list it once")
    return [_planned(spec, model, number, there[number]) for number in numbers]


def _planned(spec: PipelineSpec, model: str, number: int, folder: Path) -> PlannedApp:
    try:
        source = digest_tree(folder)
    except PlatformError as error:
        raise UserError(f"{folder}: {error.message}") from error
    return PlannedApp(
        ref=AppRef(model=model, app_number=number),
        source=source,
        template=spec.apps.templates.get(number),
    )


def _templates(spec: PipelineSpec, base: Path) -> dict[str, TemplateSpec]:
    slugs = sorted(set(spec.apps.templates.values()))
    if not slugs or spec.apps.templates_dir is None:
        return {slug: TemplateSpec(slug=slug) for slug in slugs}
    folder = (base / Path(spec.apps.templates_dir).expanduser()).resolve()
    return {slug: _template(folder, slug) for slug in slugs}


def _template(folder: Path, slug: str) -> TemplateSpec:
    path = folder / f"{slug}.yaml"
    if not path.is_file():
        there = {file.stem: file for file in folder.glob("*.yaml")}
        raise UserError(f"apps.templates: {_unlike(slug, there, 'template')} in {folder}")
    return _validate(TemplateSpec, _read_yaml(path, "template"), str(path))


def _read_yaml(path: Path, what: str) -> Any:
    try:
        if path.stat().st_size > MAX_SPEC_BYTES:
            raise UserError(f"{path}: a {what} of more than {MAX_SPEC_BYTES} bytes is refused")
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}", next_step=f"name a readable {what} file"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "nested too deeply"
        raise UserError(f"{path}: not valid YAML{place}: {reason}") from error


def _validate(model: type[_Model], document: Any, name: str) -> _Model:
    if not isinstance(document, dict):
        raise UserError(
            f"{name}: expected a mapping of fields, got {type(document).__name__}",
            next_step="smallest form: apps: {root: FOLDER}",
        )
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = tuple(_field_error(model, dict(item)) for item in error.errors())
        raise UserError(f"{name}: {len(lines)} wrong field(s)", lines=lines) from error


def _field_error(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    place = [part for part in error["loc"] if part != "[key]"]
    field = ".".join(map(str, place)) or "(whole document)"
    if error["type"] == "extra_forbidden":
        names = list(_model_at(model, place[:-1]).model_fields)
        close = get_close_matches(str(place[-1]), names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"fields here: {', '.join(names)}"
        return f"{field}: no such field; {hint}"
    given = "" if error["type"] == "missing" else f" (got {str(error['input'])[:80]!r})"
    return f"{field}: {error['msg']}{given}"


def _model_at(model: type[BaseModel], place: list[Any]) -> type[BaseModel]:
    for part in place:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            continue
        candidates = (field.annotation, *get_args(field.annotation))
        inner = [
            kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        model = inner[0] if inner else model
    return model


def _unlike(name: str, known: Mapping[str, Any], what: str) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"unknown {what} {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
