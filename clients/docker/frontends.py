"""Which builder understands which version of the Dockerfile language."""

import re
from dataclasses import dataclass
from typing import Literal

from clients.docker.dockerfile_parser import Instruction

Kind = Literal["buildkit", "classic"]
Version = tuple[int, int]

# From Docker's release notes: the language of the BuildKit inside each engine.
_ENGINES: tuple[tuple[Version, Version], ...] = (
    ((29, 0), (1, 20)), ((28, 0), (1, 14)), ((27, 0), (1, 8)), ((26, 0), (1, 7)),
    ((25, 0), (1, 6)), ((24, 0), (1, 5)), ((23, 0), (1, 4)), ((18, 9), (1, 2)),
)  # fmt: skip
CLASSIC: Version = (1, 0)
_INSTRUCTIONS = frozenset({
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
})  # fmt: skip
_COPY_FLAGS: dict[str, Version] = {
    "chown": (1, 0), "from": (1, 0), "chmod": (1, 2), "link": (1, 4), "checksum": (1, 6),
    "keep-git-dir": (1, 6), "parents": (1, 20), "exclude": (1, 20), "unpack": (1, 20),
}  # fmt: skip
_RUN_FLAGS: dict[str, Version] = {
    "mount": (1, 2), "network": (1, 4), "security": (1, 20), "device": (1, 20),
}  # fmt: skip
_GIT = re.compile(r"^(?:git@|git://|ssh://)|^https?://\S+\.git(?:#\S*)?$")
_FRONT_END = re.compile(r"^(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@\S+)?$")


@dataclass(frozen=True, slots=True)
class Builder:
    """The builder of this engine.

    Attributes:
        language: the version of the Dockerfile language that it understands.
        engine: its name and version, for people.
    """

    kind: Kind
    language: Version
    engine: str = "this engine"


@dataclass(frozen=True, slots=True)
class Need:
    """A feature that an instruction needs (for people), and the language version that added it."""

    name: str
    since: Version


def language_of(engine_version: str) -> Version:
    """The version of the language that the BuildKit of a Docker engine understands."""
    numbers = [int(part[:6]) for part in re.findall(r"\d+", engine_version)[:2]]
    version = (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
    return next((language for engine, language in _ENGINES if version >= engine), CLASSIC)


def engine_for(language: Version) -> str:
    """The first engine whose BuildKit understands a version of the language."""
    found = min(engine for engine, known in _ENGINES if known >= language)
    return "Docker Engine 18.09 with BuildKit" if found < (23, 0) else f"Docker Engine {found[0]}"


def official(front_end: str) -> bool:
    """Whether a `# syntax=` line names Docker's own front end."""
    return bool(_FRONT_END.match(front_end))


def unknown_word(instruction: Instruction) -> bool:
    """Whether no version of the language knows the instruction."""
    return instruction.word not in _INSTRUCTIONS


def need_of(instruction: Instruction) -> Need | None:
    """The newest feature that an instruction needs; None: any builder will do."""
    needs = list(_needs(instruction))
    return max(needs, key=lambda need: need.since) if needs else None


def _needs(instruction: Instruction) -> list[Need]:
    word, found = instruction.word, list[Need]()
    known = {"RUN": _RUN_FLAGS, "COPY": _COPY_FLAGS, "ADD": _COPY_FLAGS}.get(word)
    if known is None:
        return found
    if instruction.heredoc:
        found.append(Need("here-documents", (1, 4)))
    for flag in instruction.flags:
        name = flag.removeprefix("--").partition("=")[0]
        if (since := known.get(name, (1, 20))) > CLASSIC:
            found.append(Need(f"{word} {flag[:60]}", since))
    if word == "ADD" and any(_GIT.match(value) for value in instruction.values[:-1]):
        found.append(Need("ADD of a git repository", (1, 6)))
    return found
