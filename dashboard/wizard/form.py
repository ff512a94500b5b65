"""The answers of the wizard as fields of a form: all of them travel with every step."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from control.authoring import Answers, Step
from control.fleets import Fleet
from control.more_options import More, is_reference

Items = tuple[tuple[str, str], ...]
_LIMITS = ("parallelism", "egress", "controls", "baseline")
CHECK = "check"
STEPS = (*(step.value for step in Step), CHECK)
_TEMPLATE = re.compile(r"t([1-9][0-9]{0,6})")
_LETTERS = 200
_ADDRESS_LETTERS = 2_000  # from a longer one, a login does not lead back


@dataclass(frozen=True, slots=True)
class Form:
    """One step of the wizard as it was sent.

    Attributes:
        at: the step that is to be shown.
        seen: steps that were answered; of others, what a fleet suggests holds.
        answers: of all steps.
    """

    at: str
    seen: frozenset[str]
    answers: Answers

    @classmethod
    def of(cls, items: Iterable[tuple[str, str]]) -> "Form":
        """The form with these fields; what it does not know is left out, what is missing is new."""
        fields: dict[str, list[str]] = {}
        for name, value in items:
            fields.setdefault(name, []).append(value)
        at = fields.get("at", [""])[0]
        seen = frozenset(fields.get("seen", ())) & frozenset(STEPS)
        answers = Answers.model_validate(dict(_answers(fields, seen)))
        return cls(at if at in STEPS else STEPS[0], seen, answers)

    def of_fleet(self, root: str) -> "Form":
        """The form with another folder: which apps of it are wanted is asked anew."""
        kept = {"models": None, "numbers": None, "templates": {}, "root": root}
        return replace(
            self, answers=self.answers.model_copy(update=kept), seen=self.seen - {Step.APPS.value}
        )

    def items(self, *but: Step) -> Items:
        """The fields of all steps but these: what a step that is shown carries along."""
        return tuple(_items(self, but))

    def url(self, at: str) -> str:
        """The address of a step with these answers, however long."""
        return f"/new?{urlencode([*self.items(), ('at', at)])}"

    def address(self, at: str) -> str:
        """The address of a step with these answers; empty: they are too long for a good one."""
        address = self.url(at)
        return address if len(address) <= _ADDRESS_LETTERS else ""


def settled(answers: Answers, fleet: Fleet) -> Answers:
    """The answers as short as they can be: everything that there is need not be listed."""
    models = {model.name for model in fleet.models}
    known = answers.models is not None and set(answers.models) == models
    numbers = answers.numbers is not None and set(answers.numbers) == set(fleet.numbers)
    return answers.model_copy(
        update={
            "models": None if known else answers.models,
            "numbers": None if numbers else answers.numbers,
            "templates_dir": fleet.templates_dir if any(answers.templates.values()) else "",
        }
    )


def _answers(fields: dict[str, list[str]], seen: frozenset[str]) -> Iterator[tuple[str, object]]:
    picked = fields.get("pick", ())
    for name in ("root", *_LIMITS, *More.model_fields):
        if name in fields:
            yield name, fields[name][0].strip()
    if "models" in picked:
        yield "models", tuple(fields.get("model", ()))
    if "numbers" in picked:
        yield "numbers", tuple(sorted(_number(text) for text in fields.get("number", ())))
    yield "templates", dict(_templates(fields))
    yield "trusted", "trusted" in fields
    if Step.ANALYZERS in seen:
        yield "analyzers", tuple(fields.get("analyzer", ()))
    tools: dict[str, tuple[str, ...]] = {}
    for text in fields.get("tool", ()):
        kind, _, tool = text.partition("/")
        if kind in fields.get("analyzer", ()):
            tools[kind] = (*tools.get(kind, ()), tool)
    yield "tools", tools


def _templates(fields: dict[str, list[str]]) -> Iterator[tuple[int, str]]:
    for name, values in fields.items():
        if (match := _TEMPLATE.fullmatch(name)) and (slug := values[0].strip()):
            yield int(match[1]), slug[:_LETTERS]


def _number(text: str) -> int:
    """A number that somebody ticked; what is none stands for an app that is not there."""
    return int(text) if re.fullmatch(r"[0-9]{1,7}", text) else 0


def _items(form: Form, but: tuple[Step, ...]) -> Iterator[tuple[str, str]]:
    own = form.answers
    for step in Step:
        if step.value in form.seen and step not in but:
            yield "seen", step.value
    if Step.FOLDER not in but and own.root:
        yield "root", own.root
    if Step.APPS not in but:
        yield from _of_apps(own)
    if Step.ANALYZERS not in but and Step.ANALYZERS in form.seen:
        yield from (("analyzer", name) for name in own.analyzers)
        for kind, names in own.tools.items():
            yield from (("tool", f"{kind}/{name}") for name in names)
    if Step.LIMITS not in but and Step.LIMITS in form.seen:
        yield from (("trusted", "1"),) if own.trusted else ()
        for name in _LIMITS:
            yield name, getattr(own, name)
        yield from _more(own)


def _more(own: More) -> Iterator[tuple[str, str]]:
    """What was answered on demand. What may be a password itself is carried nowhere."""
    for name in More.model_fields:
        text = getattr(own, name)
        if text and (name != "password" or is_reference(text)):
            yield name, text


def _of_apps(own: Answers) -> Iterator[tuple[str, str]]:
    if own.models is not None:
        yield "pick", "models"
        yield from (("model", name) for name in own.models)
    if own.numbers is not None:
        yield "pick", "numbers"
        yield from (("number", str(number)) for number in own.numbers)
    yield from ((f"t{number}", slug) for number, slug in own.templates.items())
