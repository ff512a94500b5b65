"""Why an app is in a pipeline."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contract.base import Authored
from contract.fields import Number


class AppRole(StrEnum):
    """Why an app is in a pipeline.

    `subject`: the pipeline is about it; `control`: an app with known weaknesses, which shows what
    the tools can see; `scaffold`: what the subjects began as; `repeat`: a subject once more, which
    shows how much figures vary by themselves. Only subjects count in figures of models.
    """

    SUBJECT = "subject"
    CONTROL = "control"
    SCAFFOLD = "scaffold"
    REPEAT = "repeat"


def is_subject(value: object) -> bool:
    """Whether a role is that of most apps; it is left out of the text of a plan."""
    return value == AppRole.SUBJECT


class NoiseSpec(Authored):
    """Some apps once more, to learn how much load tests and scans vary by themselves.

    Attributes:
        apps: how many apps; the choice follows from their names alone, spread over models.
        repeats: how often each is measured again.
    """

    apps: Annotated[int, Field(ge=1, le=1_000), Number]
    repeats: Annotated[int, Field(ge=1, le=20), Number] = 2
