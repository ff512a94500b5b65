"""What a judge may answer. Anything else is sent back once, then the judge has failed."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field

from contract.base import Authored, Frozen

Verdict = Literal["met", "not_met", "cannot_tell"]


class Evidence(Frozen):
    """A place in the app. `quote` is copied from that line, so that it can be checked."""

    path: str
    line: Annotated[int, Field(ge=1)]
    quote: Annotated[str, Field(max_length=500)] = ""


class JudgeAnswer(Authored):
    """Answer to a list of questions, each with an ID."""

    @abstractmethod
    def ids(self) -> list[str]:
        """What it speaks about."""

    @abstractmethod
    def renamed(self, ids: Mapping[str, str]) -> Self:
        """The same with other IDs: `ids` maps each old one to a new one."""


class RequirementVerdict(Frozen):
    """One requirement, as far as one part of the app shows it."""

    id: str
    verdict: Verdict
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()
    reason: Annotated[str, Field(max_length=2_000)] = ""


class RequirementAnswer(JudgeAnswer):
    """Answer of the requirements judge: every requirement exactly once."""

    verdicts: tuple[RequirementVerdict, ...]

    def ids(self) -> list[str]:
        """What it speaks about."""
        return [verdict.id for verdict in self.verdicts]

    def renamed(self, ids: Mapping[str, str]) -> Self:
        """The same with other IDs."""
        verdicts = tuple(
            verdict.model_copy(update={"id": ids[verdict.id]}) for verdict in self.verdicts
        )
        return self.model_copy(update={"verdicts": verdicts})


class CriterionScore(Frozen):
    """One criterion of the rubric: 0 is the worst, 10 the best."""

    id: str
    score: Annotated[int, Field(ge=0, le=10)]
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()
    reason: Annotated[str, Field(max_length=2_000)] = ""


class QualityAnswer(JudgeAnswer):
    """Answer of the code quality judge: every criterion exactly once."""

    scores: tuple[CriterionScore, ...]

    def ids(self) -> list[str]:
        """What it speaks about."""
        return [score.id for score in self.scores]

    def renamed(self, ids: Mapping[str, str]) -> Self:
        """The same with other IDs."""
        scores = tuple(score.model_copy(update={"id": ids[score.id]}) for score in self.scores)
        return self.model_copy(update={"scores": scores})
