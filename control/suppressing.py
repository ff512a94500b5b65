"""Decisions that weaknesses need no action: the reviewed file of a fleet, and those by command."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from contract.suppression import MAX_SUPPRESSIONS, Suppression
from control.errors import WrongInputError
from control.fleet import Say, folder_of, silent
from control.mistakes import wrong_fields
from control.specfile import compose_yaml, read_yaml

FILE_NAME = "suppressions.yaml"
_MAX_BYTES = 256 * 1024
_FIELD = "suppressions"
_FORM = "write suppressions: [{fingerprint: ..., who: ..., why: ..., until: 2027-01-31}]"


def decided(
    written: str | tuple[Suppression, ...] | None, base: Path, root: Path, say: Say = silent
) -> tuple[Suppression, ...] | None:
    """The decisions of a spec, read from their file; None: there are none. Blocking.

    Args:
        written: as the spec has them.
        base: folder of the spec file.
        root: folder of the fleet, where a file `suppressions.yaml` needs no mention.
        say: hears which file was read.

    Raises:
        PlatformError: the file cannot be read, or a decision in it is wrong; with its line.
    """
    if isinstance(written, tuple):
        return written
    path = root / FILE_NAME if written is None else folder_of(base, written, _FIELD)
    if written is None and not path.is_file():
        return None
    decisions = read_suppressions(path)
    say(f"{len(decisions)} decisions of {path}")
    return decisions


def read_suppressions(path: Path) -> tuple[Suppression, ...]:
    """The decisions in a file. Blocking.

    Raises:
        PlatformError: it cannot be read, or a decision in it is wrong; with its line.
    """
    document = read_yaml(path, "suppressions", most_bytes=_MAX_BYTES)
    if document is None:  # the last decision was deleted
        return ()
    entries = document.get(_FIELD) if isinstance(document, dict) else None
    if isinstance(document, dict) and set(document) == {_FIELD} and entries is None:
        return ()
    if not isinstance(entries, list) or set(document) != {_FIELD}:
        raise WrongInputError(f"{path}: expected a list under {_FIELD!r}", next_step=_FORM)
    if len(entries) > MAX_SUPPRESSIONS:
        raise WrongInputError(
            f"{path}: {len(entries)} decisions; at most {MAX_SUPPRESSIONS} are taken",
            next_step="decide about rules and paths instead of single fingerprints",
        )
    lines = list(_lines(path))
    found: list[Suppression] = []
    wrong: list[str] = []
    for line, entry in zip(lines, entries, strict=True):
        try:
            found.append(_suppression(entry))
        except ValidationError as error:
            told = wrong_fields(Suppression, entry, error)
            wrong += [f"line {line}: {text}" for text in told]
    wrong += _repeated(found, lines) if not wrong else []
    if wrong:
        raise WrongInputError(
            f"{path}: {len(wrong)} wrong decision(s)", lines=tuple(wrong), next_step=_FORM
        )
    return tuple(found)


def _suppression(entry: Any) -> Suppression:
    return Suppression.model_validate(entry)


def _lines(path: Path) -> Iterator[int]:
    """The line of each decision, from 1."""
    root = compose_yaml(path)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == _FIELD:
            yield from (item.start_mark.line + 1 for item in value.value)


def _repeated(found: Sequence[Suppression], lines: Sequence[int]) -> list[str]:
    first: dict[tuple[str, ...], int] = {}
    wrong: list[str] = []
    for each, line in zip(found, lines, strict=True):
        if each.key in first:
            wrong.append(
                f"line {line}: {each.subject} is decided in line {first[each.key]} already"
            )
        first.setdefault(each.key, line)
    return wrong
