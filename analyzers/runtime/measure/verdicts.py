"""Canary verdicts, and the file that keeps them between restarts."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from contract.base import Frozen

logger = logging.getLogger("assay.analyzer")


class CanaryVerdict(Frozen):
    """Whether a tool of this version and with these rules saw its planted flaw.

    Attributes:
        lacks_source: it did not, because a source outside that it must ask gave no answer.
    """

    tool: str
    version: str
    rules_digest: str = ""
    ok: bool
    reason: str = ""
    lacks_source: bool = False
    checked_at: datetime


_VERDICTS = TypeAdapter(tuple[CanaryVerdict, ...])


def load_verdicts(path: Path, known: Collection[str]) -> dict[str, CanaryVerdict]:
    """The kept verdicts on tools that are `known`; none of a file that cannot be read."""
    try:
        kept = _VERDICTS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}
    return {verdict.tool: verdict for verdict in kept if verdict.tool in known}


def save_verdicts(path: Path, verdicts: Iterable[CanaryVerdict]) -> None:
    """Replace the file in one step. If it cannot be written, that is only logged."""
    part = path.with_suffix(".part")
    try:
        part.write_bytes(_VERDICTS.dump_json(tuple(verdicts)))
        part.replace(path)
    except OSError as error:
        logger.warning("canary verdicts not kept: %s", error)
