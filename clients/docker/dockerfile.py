"""Rewriting Dockerfiles: the images they start from, and what the classic builder lacks."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_FROM = re.compile(r"^(\s*FROM\s+)((?:--\S+\s+)*)(\S+)(.*)$", re.IGNORECASE | re.DOTALL)
_AS = re.compile(r"\s+AS\s+(\S+)", re.IGNORECASE)
_ARG = re.compile(r"^\s*ARG\s+(.+)$", re.IGNORECASE | re.DOTALL)
_COPY_FROM = re.compile(r"^(\s*COPY\s.*?--from=)(\S+)", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_CACHE_MOUNT = re.compile(r"--mount=type=cache\S*\s+")
_LINK = re.compile(r"--link(?:=true)?\s+")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A Dockerfile ready for the daemon: its text, the images it uses, what was changed."""

    text: str
    images: tuple[str, ...]
    notes: tuple[str, ...]


def rewrite(
    text: str, args: dict[str, str], resolve: Callable[[str], str], labels: Mapping[str, str]
) -> Rewritten:
    """Replace each external image by `resolve(image)`; drop BuildKit options that only save time.

    Args:
        text: the Dockerfile.
        args: build arguments, which may choose the image in `FROM`.
        labels: put on each stage, so that what a build leaves behind can be found.
        resolve: called once per mention of an external image, with variables replaced.
    """
    variables: dict[str, str] = {}
    stages: set[str] = set()
    images: list[str] = []
    notes: list[str] = []
    lines: list[str] = []
    for instruction in _instructions(text):
        if not stages and not images:
            variables |= _global_args(instruction, args)
        line = _rewrite_from(instruction, variables, stages, images, resolve)
        line = _rewrite_copy(line, stages, images, resolve)
        lines.append(_without_buildkit(line, notes))
        if labels and _FROM.match(instruction):
            words = " ".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
            lines.append(("" if line.endswith("\n") else "\n") + f"LABEL {words}\n")
    return Rewritten("".join(lines), tuple(dict.fromkeys(images)), tuple(dict.fromkeys(notes)))


def external_images(text: str, args: dict[str, str]) -> tuple[str, ...]:
    """Images that `text` needs from outside, in order, each once."""
    return rewrite(text, args, lambda image: image, {}).images


def _instructions(text: str) -> Iterator[str]:
    """Physical lines joined over continuations; comments and blank lines come alone."""
    pending = ""
    for line in text.splitlines(keepends=True):
        if pending and line.lstrip().startswith("#"):
            continue
        pending += line
        if not pending.lstrip().startswith("#") and line.rstrip().endswith("\\"):
            continue
        yield pending
        pending = ""
    if pending:
        yield pending


def _global_args(instruction: str, given: dict[str, str]) -> dict[str, str]:
    """`ARG` before the first `FROM`: build arguments win over defaults."""
    match = _ARG.match(instruction)
    if match is None:
        return {}
    found: dict[str, str] = {}
    for word in match[1].split():
        name, _, default = word.partition("=")
        found[name] = given.get(name, default.strip("\"'"))
    return found


def _rewrite_from(
    instruction: str,
    variables: dict[str, str],
    stages: set[str],
    images: list[str],
    resolve: Callable[[str], str],
) -> str:
    match = _FROM.match(instruction)
    if match is None:
        return instruction
    image = _VARIABLE.sub(
        lambda found: variables.get(found[1] or found[3], "") or found[2] or "",
        match[3].strip("\"'"),
    )
    known = image.lower() in stages or image == "scratch"
    stages.add(alias[1].lower() if (alias := _AS.match(match[4])) else str(len(stages)))
    if known:
        return instruction
    images.append(image)
    return f"{match[1]}{resolve(image)}{match[4]}"


def _rewrite_copy(
    instruction: str, stages: set[str], images: list[str], resolve: Callable[[str], str]
) -> str:
    match = _COPY_FROM.match(instruction)
    if match is None or match[2].isdecimal() or match[2].lower() in stages or "$" in match[2]:
        return instruction
    images.append(match[2])
    return f"{match[1]}{resolve(match[2])}{instruction[match.end() :]}"


def _without_buildkit(instruction: str, notes: list[str]) -> str:
    """Cache mounts and `--link` change speed, not the result; the classic builder knows neither."""
    word = instruction.lstrip()[:5].upper()
    if word.startswith("RUN") and _CACHE_MOUNT.search(instruction):
        notes.append("RUN --mount=type=cache (no effect on the result)")
        return _CACHE_MOUNT.sub("", instruction)
    if word.startswith(("COPY", "ADD")) and _LINK.search(instruction):
        notes.append("COPY --link (no effect on the result)")
        return _LINK.sub("", instruction)
    return instruction
