"""Refuses tools and options in a spec that no analyzer declares."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import ValidationError

from contract.analyzers import AnalyzerKind
from contract.base import Authored
from contract.cron import is_ever
from contract.errors import PlatformError
from contract.schedule import ScheduleSpec, span_of
from contract.secret import IsSecret, SecretRef
from contract.spec import Option, PipelineSpec
from control.declared import options_of, tools_of
from control.errors import WrongInputError
from control.mistakes import unlike, wrong_fields
from reports.study.measures import CRITERIA, known_measure

REFERENCE = "{env: ASSAY_LOGIN_NAME} or {file: NAME}"


def require_declared(spec: PipelineSpec, name: str) -> None:
    """Refuse tools, options and criteria that no analyzer or report of `spec` has.

    Raises:
        PlatformError: with a line for each, and the nearest right name.
    """
    lines = [*_idle(spec), *_wrong_criteria(spec), *_wrong_schedule(spec.schedule)]
    for kind, chosen in spec.tools.items():
        lines += _wrong_tools(kind, chosen)
    for kind, options in spec.options.items():
        lines += _wrong_options(kind, options)
    if lines:
        raise WrongInputError(f"{name}: {len(lines)} wrong field(s)", lines=tuple(lines))


def require_logins(spec: PipelineSpec, secret: Callable[[SecretRef], str]) -> None:
    """Refuse a login that the worker of this machine's own stack would not find.

    Args:
        spec: that may refer to logins.
        secret: finds a login as that worker does.

    Raises:
        PlatformError: naming the variable or file.
    """
    for kind, options in spec.options.items():
        for name, value in options.items():
            if isinstance(value, SecretRef):
                try:
                    secret(value)
                except PlatformError as error:
                    raise WrongInputError(
                        f"options.{kind}.{name}: {error.message}",
                        next_step="set it (a line of .env reaches a stack that runs already)",
                    ) from error


def secret_names(model: type[Authored]) -> frozenset[str]:
    """Options whose values are secrets: a spec may only refer to them."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if any(isinstance(mark, IsSecret) for mark in field.metadata)
    )


def _idle(spec: PipelineSpec) -> Iterator[str]:
    for field, kinds in (("tools", spec.tools), ("options", spec.options)):
        for kind in kinds:
            if kind not in spec.analyzers:
                yield f"{field}.{kind}: does not run; add it to analyzers, or remove its {field}"


def _wrong_criteria(spec: PipelineSpec) -> Iterator[str]:
    """Criteria of a ranking that no report has, or that have no good end."""
    for name in spec.ranking.weights if spec.ranking else ():
        if not known_measure(name):
            yield f"ranking.weights: {unlike(name, CRITERIA, 'measure')}"


def _wrong_schedule(said: ScheduleSpec | None) -> Iterator[str]:
    """What no schedule can do; a kept one is left alone. Or a zone that this machine lacks."""
    if said is None:
        return
    for line in said.lines:
        if not is_ever(line):
            yield f"schedule.cron: '{line}' never comes: none of its months has that day"
    if said.every and span_of(said.jitter) >= span_of(said.every):
        yield f"schedule.jitter: {said.jitter} is not less than every: {said.every}"
    try:
        ZoneInfo(said.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"schedule.timezone: {unlike(said.timezone, available_timezones(), 'time zone')}"


def _wrong_tools(kind: AnalyzerKind, chosen: tuple[str, ...]) -> Iterator[str]:
    known = tools_of(kind)
    if not chosen:
        yield f"tools.{kind}: names no tool; leave it out for all of them"
    for index, tool in enumerate(chosen):
        if tool not in known:
            place = f"tools.{kind}.{index}"
            yield f"{place}: {unlike(tool, known, 'tool')}{_all(known, tool)}"
        elif tool in chosen[:index]:
            yield f"tools.{kind}.{index}: {tool!r} is listed twice"


def _wrong_options(kind: AnalyzerKind, options: Mapping[str, Option]) -> Iterator[str]:
    model = options_of(kind)
    if not model.model_fields:
        yield f"options.{kind}: {kind} has no options; remove it"
        return
    open_ones = [
        name
        for name in secret_names(model) & options.keys()
        if not isinstance(options[name], SecretRef)
    ]
    for name in sorted(open_ones):
        yield f"options.{kind}.{name}: a secret in clear text; write {REFERENCE}"
    owners = {name: _owner(name) for name in options if name not in model.model_fields}
    for name, owner in owners.items():
        if owner:
            yield f"options.{kind}.{name}: is an option of {owner}: write it under options.{owner}"
    own = {name: value for name, value in options.items() if not owners.get(name)}
    try:
        model.model_validate(own)
    except ValidationError as error:
        yield from wrong_fields(model, own, error, ("options", kind))


def _owner(name: str) -> AnalyzerKind | None:
    """The analyzer that has an option of this very name."""
    return next((kind for kind in AnalyzerKind if name in options_of(kind).model_fields), None)


def _all(known: Iterable[str], name: str) -> str:
    """The known names, if none of them resembles `name`."""
    near = "did you mean" in unlike(name, known, "")
    return "" if near else f"; its tools: {', '.join(known)}"
