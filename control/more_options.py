"""What the wizard asks only on demand: one line each, in the terminal as in the browser."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contract.analyzers import LIVE_ORDER, AnalyzerKind
from contract.base import Frozen
from contract.secret import ENV_PREFIX
from control.errors import WrongInputError
from control.fleet import folder_of

FILE_PREFIX = "file:"
_WHOLE = re.compile(r"[0-9]{1,9}")
_WEIGHT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class More(Frozen):
    """What a person answered on demand, as text; empty: as by default.

    Attributes:
        login: account that scans log in with.
        password: where the worker finds its password.
        rates: of the load test.
        noise: how many apps are measured once more.
        scaffold: folder that the apps began as.
        ranking: measures and their weights.
    """

    login: str = ""
    password: str = ""
    rates: str = ""
    noise: str = ""
    scaffold: str = ""
    ranking: str = ""


class Question(NamedTuple):
    """One of these answers, as it is asked for.

    Attributes:
        field: of `More`.
        text: the question.
        example: of an answer.
        of: analyzers of which one has to run for it; none: it is for all.
    """

    field: str
    text: str
    example: str
    of: tuple[AnalyzerKind, ...] = ()


_LOADS = tuple(kind for kind in AnalyzerKind if kind.row.figures == "load")
_SCANS = tuple(kind for kind in AnalyzerKind if kind.is_live and kind not in _LOADS)
QUESTIONS = (
    Question("login", "Account that the scan logs in with", "ann", _SCANS),
    Question(
        "password",
        f"Where the worker finds its password, never the password itself: {ENV_PREFIX}NAME (a "
        f"variable) or {FILE_PREFIX}NAME (in its folder of logins)",
        f"{ENV_PREFIX}ANN",
        _SCANS,
    ),
    Question(
        "rates",
        "Arrivals per second of each step of the load test, rising",
        "20, 50, 100",
        _LOADS,
    ),
    Question(
        "noise",
        "How many apps are measured again, to learn how much figures vary, 1 to 1000",
        "2",
        LIVE_ORDER,
    ),
    Question(
        "scaffold", "Folder that the apps began as, relative to that of the fleet", "../scaffold"
    ),
    Question(
        "ranking",
        "Ranking of models: two or more measures, with weights",
        "functional_and_secure=2, security_per_kloc=1",
    ),
)


def offered(analyzers: Iterable[str]) -> tuple[Question, ...]:
    """The questions that make sense for these analyzers."""
    on = frozenset(analyzers)
    return tuple(each for each in QUESTIONS if not each.of or on.intersection(each.of))


def told(own: More, analyzers: Iterable[str]) -> str:
    """Which of them are answered, in a few words; empty: none."""
    return ", ".join(each.field for each in offered(analyzers) if getattr(own, each.field))


def is_reference(password: str) -> bool:
    """Whether this says where a password is. What does not may be one, and is kept nowhere."""
    return password.startswith((ENV_PREFIX, FILE_PREFIX))


def document_of_more(own: More, analyzers: Sequence[str], root: str) -> dict[str, Any]:
    """The fields of a spec that these answers make; those of analyzers that do not run are none.

    Args:
        own: the answers.
        analyzers: that run.
        root: folder of the fleet.

    Raises:
        WrongInputError: an answer is wrong; other mistakes are those of the spec.
    """
    asked = {each.field: getattr(own, each.field) for each in offered(analyzers)}
    given = {field: text for field, text in asked.items() if text}
    document: dict[str, Any] = {}
    if options := dict(_options(given)):
        document["options"] = options
    if "noise" in given:
        document["noise"] = {"apps": whole(given["noise"])}
    if "scaffold" in given:
        document["scaffold"] = str(folder_of(Path(root), given["scaffold"], "scaffold"))
    if "ranking" in given:
        document["ranking"] = {"weights": _weights(given["ranking"])}
    return document


def whole(text: str) -> object:
    """A number if it is one; else the text, which the spec then refuses by name."""
    return int(text) if _WHOLE.fullmatch(text.strip()) else text


def _options(given: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    login: dict[str, Any] = {}
    if "login" in given:
        login["auth_username"] = given["login"]
    if "password" in given:
        login["auth_password"] = _reference(given["password"])
    if login:
        yield from ((kind.value, dict(login)) for kind in _SCANS)
    if "rates" in given:
        yield from ((kind.value, {"rates": given["rates"]}) for kind in _LOADS)


def _reference(text: str) -> dict[str, str]:
    """Where a password is; the text is not said back, as it may be the password."""
    if text.startswith(ENV_PREFIX):
        return {"env": text}
    if text.startswith(FILE_PREFIX):
        return {"file": text.removeprefix(FILE_PREFIX).strip()}
    raise WrongInputError(
        "password: that is not where the worker finds it",
        next_step=f"write {ENV_PREFIX}NAME or {FILE_PREFIX}NAME; a spec never holds a password",
    )


def _weights(text: str) -> dict[str, float]:
    """`a=2, b`: weights by measure; one without a weight has the weight 1."""
    weights: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, sign, weight = (piece.strip() for piece in part.partition("="))
        if not name or name in weights or (sign and not _WEIGHT.fullmatch(weight)):
            raise WrongInputError(
                f"ranking: {part!r} is no further measure with its weight",
                next_step=f"write them like this: {QUESTIONS[-1].example}",
            )
        weights[name] = (float(weight) if "." in weight else int(weight)) if sign else 1
    return weights
