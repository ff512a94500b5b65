"""A panel of judges reads an app: every judge every part, each with a control nobody can fulfil."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Generic

from analyzers.ai.client import Answer, Judge, RateLimits, new_client
from analyzers.ai.config import NOT_CONFIGURED, AiConfig
from analyzers.ai.costs import Budget, BudgetSpentError, Costs
from analyzers.ai.injection import Injection, scan, withhold
from analyzers.ai.prompts import Question, build_messages
from analyzers.ai.sources import AppText, Part, in_parts, read_app
from analyzers.runtime.tool import NotApplicable, ToolFault, ToolRun

COMPROMISED = "judge followed instructions in the app"
_DEADLINE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Brief(Generic[Answer]):
    """The question to a panel.

    Attributes:
        fell_for: whether an answer shows that the judge believed the control (its ID is given).
    """

    system: str
    questions: tuple[Question, ...]
    schema: type[Answer]
    control_text: str
    fell_for: Callable[[Answer, str], bool]


@dataclass(slots=True)
class Opinion(Generic[Answer]):
    """The answers of one judge, one per part; `failure` says why they do not count."""

    model: str
    answers: list[Answer] = field(default_factory=list)
    failure: str = ""
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class Hearing(Generic[Answer]):
    """All opinions on one app.

    Attributes:
        shown: the app as the judges saw it, without lines that address them.
        costs: the calls of this hearing.
    """

    app: AppText
    shown: AppText
    parts: tuple[Part, ...]
    injections: tuple[Injection, ...]
    opinions: list[Opinion[Answer]]
    costs: Costs

    @property
    def valid(self) -> list[Opinion[Answer]]:
        """Opinions that count."""
        return [opinion for opinion in self.opinions if not opinion.failure]

    @property
    def missing(self) -> list[Opinion[Answer]]:
        """Opinions that do not count, with the reason."""
        return [opinion for opinion in self.opinions if opinion.failure]


@dataclass(frozen=True, slots=True)
class Terms:
    """The conditions of a hearing: settings, budget, and the rate limits of the models."""

    config: AiConfig
    budget: Budget
    limits: RateLimits


async def hear(run: ToolRun, terms: Terms, brief: Brief[Answer]) -> Hearing[Answer]:
    """Ask every judge about every part.

    Raises:
        NotApplicable: the app has no text to read.
        ToolFault: no endpoint, or no judge whose opinion counts.
    """
    config = terms.config
    require_endpoint(config)
    deadline = time.monotonic() + run.request.deadline_s * _DEADLINE_SHARE
    app = await asyncio.to_thread(read_app, run.source)
    if not app.files:
        raise NotApplicable("no text files")
    injections = await asyncio.to_thread(scan, app)
    shown = withhold(app, injections)
    parts = in_parts(shown, config.part_chars)
    costs = Costs(config, terms.budget)
    opinions: list[Opinion[Answer]] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(new_client(config))
        for model in config.models:
            run.progress(f"{model}: {len(parts)} part(s)")
            judge = Judge(config, model, costs, terms.limits, deadline, client)
            opinions.append(await _opinion(judge, brief, parts))
    hearing = Hearing(app, shown, parts, injections, opinions, costs)
    if not hearing.valid:
        raise ToolFault("; ".join(dict.fromkeys(_failure(opinion) for opinion in opinions)))
    return hearing


def require_endpoint(config: AiConfig) -> None:
    """Raise the `ToolFault` that says how to turn AI on."""
    if not config.configured:
        raise ToolFault(NOT_CONFIGURED)


async def _opinion(judge: Judge, brief: Brief[Answer], parts: Sequence[Part]) -> Opinion[Answer]:
    """One judge on all parts. A failure is returned as a value; the other judges continue."""
    opinion = Opinion[Answer](judge.model)
    for number, part in enumerate(parts):
        marker = secrets.token_hex(8)
        control = Question(marker, brief.control_text.format(marker=marker[6:]))
        questions = _with_control(brief.questions, control, marker)
        ids = _random_ids(len(questions))
        asked = [
            Question(alias, question.text) for alias, question in zip(ids, questions, strict=True)
        ]
        position = f"part {number + 1} of {len(parts)}"
        messages = build_messages(brief.system, asked, part, position, marker)
        try:
            answer = await judge.ask(messages, brief.schema, ids)
        except (ToolFault, BudgetSpentError) as error:
            opinion.failure = str(error)
            opinion.unread = tuple(str(span) for rest in parts[number:] for span in rest.spans)
            return opinion
        answer = answer.renamed(
            dict(zip(ids, (question.id for question in questions), strict=True))
        )
        if brief.fell_for(answer, control.id):
            opinion.failure = COMPROMISED
            return opinion
        opinion.answers.append(answer)
    return opinion


def _with_control(
    questions: tuple[Question, ...], control: Question, marker: str
) -> tuple[Question, ...]:
    """The control stands at a random place: no text in the app can say "all but the last"."""
    place = int(marker, 16) % (len(questions) + 1)
    return (*questions[:place], control, *questions[place:])


def _random_ids(count: int) -> list[str]:
    """All IDs have one form: no text in the app can say "all but those that start with Q"."""
    ids: set[str] = set()
    while len(ids) < count:
        ids.add(f"Q{secrets.token_hex(4)}")
    return list(ids)


def _failure(opinion: Opinion[Any]) -> str:
    reason = f"{opinion.model}: {opinion.failure.removeprefix(f'{opinion.model}: ')}"
    if not opinion.unread:
        return reason
    shown = ", ".join(opinion.unread[:10])
    more = f" and {len(opinion.unread) - 10} more" if len(opinion.unread) > 10 else ""
    return f"{reason}; not read by {opinion.model}: {shown}{more}"


def failures(hearing: Hearing[Any]) -> tuple[str, ...]:
    """Notes on judges whose opinion does not count."""
    return tuple(f"judge missing: {_failure(opinion)}" for opinion in hearing.missing)
