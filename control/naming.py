"""Names that people type: IDs of pipelines, and `model/appN`."""

import re
import secrets
from datetime import UTC, datetime

from pydantic import ValidationError

from contract.ids import PIPELINE_ID_PATTERN
from contract.schedule import SCHEDULE_NAME_PATTERN
from contract.spec import AppRef
from control.errors import WrongInputError

_APP = re.compile(r"(.+)/app([0-9]{1,7})")


def new_id(stem: str) -> str:
    """A new, unique pipeline ID that sorts by time; any `stem` gives a usable one."""
    return f"{name_of(stem)}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def name_of(stem: str) -> str:
    """`stem`, made fit for the name of a file or the beginning of an ID."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem)[:40].strip("-._") or "pipeline"


def pipeline_id(text: str) -> str:
    """`text`, if it can be the ID of a pipeline.

    Raises:
        PlatformError: it cannot.
    """
    return _usable(text, PIPELINE_ID_PATTERN, f"pipeline id {text!r}", 63)


def schedule_name(text: str) -> str:
    """`text`, if it can be the name of a schedule.

    Raises:
        PlatformError: it cannot.
    """
    return _usable(text, SCHEDULE_NAME_PATTERN, f"the name {text[:80]!r} of a schedule", 40)


def _usable(text: str, pattern: str, what: str, most: int) -> str:
    if not re.fullmatch(pattern, text):
        raise WrongInputError(
            f"{what} is not usable",
            next_step="use letters, digits, '.', '_' and '-', starting with a letter or digit, "
            f"at most {most} characters",
        )
    return text


def app_of(text: str) -> AppRef:
    """The app that a person means by `MODEL/appN`; a model's name may hold slashes.

    Raises:
        PlatformError: it names no app.
    """
    match = _APP.fullmatch(text)
    try:
        if match:
            return AppRef(model=match[1], app_number=int(match[2]))
    except ValidationError:
        pass
    raise WrongInputError(
        f"{text!r} names no app", next_step="write MODEL/appN, for example gpt-4o/app3"
    )
