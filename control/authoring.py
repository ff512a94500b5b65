"""Writes specs from answers: the questions of the wizard, in the terminal and in the browser."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.spec import PipelineSpec
from control.errors import WrongInputError
from control.fleet import chosen_apps, folder_of, require_inside
from control.fleets import Fleet, FleetModel
from control.mistakes import unlike
from control.more_options import More, document_of_more, whole
from control.specfile import parse_spec
from control.stored import Stored

_NAME = "your answers"
_HEAD = "# A pipeline of Assay, as the wizard was told to run it.\n"


class Step(StrEnum):
    """The questions, in order: what is asked later depends on what was answered before."""

    FOLDER = "folder"
    APPS = "apps"
    ANALYZERS = "analyzers"
    LIMITS = "limits"


class Answers(More):
    """What a person answered, with what is asked on demand; nothing of it is checked yet.

    Attributes:
        root: folder of the fleet.
        models: None: all of them.
        numbers: numbers of the apps, which stand for templates where none is named; None: all.
        templates: slug by app number.
        templates_dir: folder of their declarations; empty: they are not declared.
        trusted: whether the person says that these apps are their own.
        analyzers: by name.
        tools: by analyzer, of those that are not to run whole.
        parallelism: apps in flight at once, as text: it may be no number.
        egress: `deny` or `allow`.
        controls: `auto`, `on` or `off`.
        baseline: an earlier pipeline; empty: none.
    """

    root: str = ""
    models: tuple[str, ...] | None = None
    numbers: tuple[int, ...] | None = None
    templates: dict[int, str] = {}
    templates_dir: str = ""
    trusted: bool = False
    analyzers: tuple[str, ...] = tuple(kind.value for kind in AnalyzerKind if kind.row.by_default)
    tools: dict[str, tuple[str, ...]] = {}
    parallelism: str = "3"
    egress: str = "deny"
    controls: str = "auto"
    baseline: str = ""


def checked(answers: Answers, fleet: Fleet, step: Step = Step.LIMITS) -> PipelineSpec:
    """The spec that the answers to `step` and to all before it make.

    Raises:
        WrongInputError: an answer is wrong; it names the field, and the nearest right word.
    """
    spec = parse_spec(document_of(answers, fleet, step), _NAME)
    if step is not Step.FOLDER:
        there = {model.name: frozenset(model.numbers) for model in fleet.models}
        for _ in chosen_apps(spec.apps, there, Path(fleet.root)):
            pass
        _require_declared(spec, fleet)
    return spec


def document_of(answers: Answers, fleet: Fleet, step: Step = Step.LIMITS) -> dict[str, Any]:
    """The spec as a document; what is as by default is left out.

    Raises:
        WrongInputError: no model, app or analyzer is chosen.
    """
    document: dict[str, Any] = {"apps": {"root": fleet.root}}
    if step is not Step.FOLDER:
        document["apps"] |= dict(_apps(answers, fleet))
    if step in (Step.ANALYZERS, Step.LIMITS):
        _require_some(answers.analyzers, "analyzer")
        document["analyzers"] = list(answers.analyzers)
        document |= _unless({}, tools={kind: list(names) for kind, names in answers.tools.items()})
    if step is Step.LIMITS:
        document["parallelism"] = whole(answers.parallelism)
        document |= _unless("deny", egress=answers.egress)
        document |= _unless("auto", controls=answers.controls)
        document |= _unless("", baseline=answers.baseline)
        document |= document_of_more(answers, answers.analyzers, fleet.root)
    return document


def text_of(answers: Answers, fleet: Fleet) -> str:
    """The spec as a file has it.

    Raises:
        WrongInputError: an answer is wrong.
    """
    checked(answers, fleet)
    return written(document_of(answers, fleet))


def written(document: dict[str, Any]) -> str:
    """A spec's document as a file has it."""
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def answered(step: Step, answers: Answers, fleet: Fleet) -> Answers:
    """The answers with those that a fleet suggests, for a step that was not answered yet."""
    if step is Step.APPS and not answers.templates:
        known = {n: slug for n, slug in fleet.templates.items() if n in fleet.numbers}
        return answers.model_copy(
            update={"templates": known, "templates_dir": fleet.templates_dir if known else ""}
        )
    return answers


async def require_pipeline(stored: Stored, name: str) -> None:
    """Refuse a baseline that the store does not have; an empty name is none.

    Raises:
        WrongInputError: there is no such pipeline.
        PlatformError: the store cannot be read.
    """
    if not name:
        return
    try:
        await stored.answered(name, lambda store: store.overview(name))
    except PlatformError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        raise WrongInputError(
            f"baseline: {error.message}", next_step="name a pipeline of the list, or none"
        ) from error


def require_below(spec: PipelineSpec, base: Path, root: Path) -> None:
    """Refuse a spec whose folders or files are not all below `root`.

    Args:
        spec: whose relative paths begin at `base`.
        base: folder of the spec.
        root: what may be read; links are followed before it is compared.

    Raises:
        PlatformError: PERMISSION_DENIED, naming the field.
    """
    for field, text in _paths(spec):
        require_inside(folder_of(base, text, field), root, field)


def _paths(spec: PipelineSpec) -> Iterator[tuple[str, str]]:
    """Every path that a spec names, with its field."""
    yield "apps.root", spec.apps.root
    if spec.apps.templates_dir is not None:
        yield "apps.templates_dir", spec.apps.templates_dir
    if isinstance(spec.scaffold, str):
        yield "scaffold", spec.scaffold
    elif spec.scaffold is not None:
        yield from ((f"scaffold.{slug}", text) for slug, text in spec.scaffold.items())
    if isinstance(spec.suppressions, str):
        yield "suppressions", spec.suppressions


def _apps(answers: Answers, fleet: Fleet) -> Iterator[tuple[str, Any]]:
    """Which apps; where not every model has every number, each app is named."""
    chosen = _models(answers, fleet)
    numbers = fleet.numbers if answers.numbers is None else answers.numbers
    _require_some(numbers, "app")
    wanted = frozenset(numbers)
    ragged = any(not wanted.issubset(model.numbers) for model in chosen)
    if answers.numbers is not None and ragged:
        yield "only", _labels(chosen, numbers)
    else:
        yield from _unless(None, models=_listed(answers.models)).items()
        yield from _unless(None, numbers=_listed(answers.numbers)).items()
    used = {n for model in chosen for n in model.numbers if n in wanted}
    slugs = {n: slug for n, slug in sorted(answers.templates.items()) if n in used and slug}
    yield from _unless(False, trusted=answers.trusted).items()
    yield from _unless({}, templates=slugs).items()
    if slugs:
        yield from _unless("", templates_dir=answers.templates_dir).items()


def _models(answers: Answers, fleet: Fleet) -> list[FleetModel]:
    if answers.models is None:
        return list(fleet.models)
    _require_some(answers.models, "model")
    known = {model.name: model for model in fleet.models}
    wrong = [unlike(name, known, "model") for name in answers.models if name not in known]
    if wrong:
        raise WrongInputError(
            f"models: not below {fleet.root}",
            lines=tuple(wrong),
            next_step=f"models there: {', '.join(known)}"[:500],
        )
    return [known[name] for name in answers.models]


def _labels(chosen: Sequence[FleetModel], numbers: Sequence[int]) -> list[str]:
    there = [(model.name, frozenset(model.numbers)) for model in chosen]
    labels = [f"{name}/app{n}" for name, own in there for n in numbers if n in own]
    _require_some(labels, "app of these models")
    return labels


def _require_declared(spec: PipelineSpec, fleet: Fleet) -> None:
    """Refuse a template that is not declared where templates are."""
    if spec.apps.templates_dir is None or spec.apps.templates_dir != fleet.templates_dir:
        return
    wrong = {slug for slug in spec.apps.templates.values() if slug not in fleet.declared}
    if wrong:
        raise WrongInputError(
            f"templates: not declared in {fleet.templates_dir}",
            lines=tuple(unlike(slug, fleet.declared, "template") for slug in sorted(wrong)),
            next_step=f"templates there: {', '.join(fleet.declared)}"[:500],
        )


def _require_some(chosen: Sequence[object], noun: str) -> None:
    if not chosen:
        raise WrongInputError(f"no {noun} is chosen", next_step="choose at least one")


def _listed(values: Sequence[object] | None) -> list[object] | None:
    return None if values is None else list(values)


def _unless(default: object, **field: Any) -> dict[str, Any]:
    """The field, unless it has this value."""
    return {name: value for name, value in field.items() if value != default}
