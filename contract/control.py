"""Control apps: apps whose right answer is known, and their answer sheets."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contract.analyzers import AnalyzerKind
from contract.base import Frozen

# An answer sheet travels in the plan, so that a report needs no file of this machine.
_MAX_LABELS = 200


class Route(Frozen):
    """One HTTP operation of a control app; parameters of `path` as `{id}`."""

    method: str
    path: str


class Label(Frozen):
    """One weakness that a control app has, shown by a request.

    Attributes:
        id: unique within the app.
        file: relative to the app's folder.
        line: where the weakness is; tools may point a few lines beside it.
        snippet: stands on that line.
        route: the operation that shows it; None: no single one does.
        analyzers: those that could see it in principle.
    """

    id: str
    cwe: int
    title: str
    file: str
    line: Annotated[int, Field(ge=1)]
    snippet: str
    route: Route | None = None
    analyzers: tuple[AnalyzerKind, ...]
    severity: Literal["critical", "high", "medium", "low"]

    @property
    def name(self) -> str:
        """`sqli-login (CWE-89)`."""
        return f"{self.id} (CWE-{self.cwe})"


class Answer(Frozen):
    """What a control app is, and how it behaves."""

    description: str = ""
    behaviour: Literal["ok", "does_not_start", "crashes_under_load", "always_500"] = "ok"


class AnswerSheet(Frozen):
    """What the tools should find in a control app.

    Attributes:
        app: what it is.
        weaknesses: all that it has; if there are none, each security finding on it is false.
        must_see: by tool (`static/bandit`), the weaknesses that it saw in measured runs. A tool
            that misses one of them now is not trusted on other apps either.
    """

    app: Answer = Answer()
    weaknesses: Annotated[tuple[Label, ...], Field(max_length=_MAX_LABELS)] = ()
    must_see: dict[str, tuple[str, ...]] = {}

    @property
    def is_clean(self) -> bool:
        """Whether it is an app without weaknesses that runs."""
        return not self.weaknesses and self.app.behaviour == "ok"

    def of(self, kind: AnalyzerKind) -> "AnswerSheet":
        """The sheet with those weaknesses alone that an analyzer could see."""
        its = tuple(label for label in self.weaknesses if kind in label.analyzers)
        return self.model_copy(update={"weaknesses": its})

    @model_validator(mode="after")
    def _labels_are_known_and_unique(self) -> Self:
        known = [label.id for label in self.weaknesses]
        if len(set(known)) != len(known):
            raise ValueError("weaknesses: an id is used twice")
        for tool, wanted in self.must_see.items():
            if unknown := set(wanted) - set(known):
                raise ValueError(f"must_see: {tool}: no weakness {', '.join(sorted(unknown))}")
        return self
