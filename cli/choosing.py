"""Asks one question on a terminal. Questions are on standard error: standard output is for results.

`<` as an answer goes back to the question before.
"""

import re
from collections.abc import Sequence
from typing import Any

import typer

from cli.safe import one_line
from control.errors import WrongInputError
from control.mistakes import unlike

BACK = "<"
ALL = "all"
_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")


class GoBackError(Exception):
    """The person wants to answer the question before once more."""


def asked(question: str, default: str = "") -> str:
    """The answer to a question, without blanks around it.

    Raises:
        GoBackError: the answer is `<`.
    """
    shown: dict[str, Any] = {"default": one_line(default), "show_default": bool(default)}
    answer = str(typer.prompt(one_line(question), err=True, **shown)).strip()
    if answer == BACK:
        raise GoBackError
    return default if answer == one_line(default) else answer


def confirmed(question: str, *, default: bool) -> bool:
    """Whether the answer is yes.

    Raises:
        GoBackError: the answer is `<`.
        WrongInputError: it is neither yes nor no.
    """
    answer = asked(f"{question} [{'Y/n' if default else 'y/N'}]").casefold()
    if answer in ("y", "yes", "n", "no", ""):
        return default if not answer else answer.startswith("y")
    raise WrongInputError(f"{answer!r} is neither yes nor no", next_step="answer y or n")


def chosen(answer: str, names: Sequence[str], noun: str) -> tuple[str, ...]:
    """The names that an answer means: names, their places (`1,3-4`), or `all`; in their order.

    Raises:
        WrongInputError: a part of the answer is none of them.
    """
    if answer == ALL and ALL not in names:
        return tuple(names)
    if answer in names:
        return (answer,)
    wanted: set[str] = set()
    for part in filter(None, re.split(r"[,\s]+", answer)):
        wanted.update(_named(part, names, noun))
    return tuple(name for name in names if name in wanted)


def numbers(answer: str, there: Sequence[int], noun: str) -> tuple[int, ...]:
    """The numbers that an answer means: `1,3-4`, or `all`.

    Raises:
        WrongInputError: a part of the answer is none of them.
    """
    texts = [str(number) for number in there]
    if answer == ALL:
        return tuple(there)
    wanted: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", answer.casefold().replace("app", ""))):
        match = _RANGE.fullmatch(part)
        if match and match[2]:
            wanted.update(n for n in there if int(match[1]) <= n <= int(match[2]))
        elif part in texts:
            wanted.add(int(part))
        else:
            raise WrongInputError(
                unlike(part, texts, noun), next_step=f"there: {', '.join(texts)}"[:300]
            )
    return tuple(n for n in there if n in wanted)


def _named(part: str, names: Sequence[str], noun: str) -> Sequence[str]:
    if part in names:
        return (part,)
    match = _RANGE.fullmatch(part)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= len(names):
        raise WrongInputError(
            unlike(part, names, noun),
            next_step=f"name it, or write its number: 1 to {len(names)}",
        )
    return names[first - 1 : last]
