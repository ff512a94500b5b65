"""Dockerfiles: the stages that a build needs, and the images they start from."""

import platform
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from clients import blame
from clients.blame import fault
from clients.docker.dockerfile_parser import Instruction, Parsed, parse
from clients.docker.flags import is_unused_secret, mount_options, saves_time, value_of
from clients.docker.frontends import Need, need_of, official, unknown_word
from clients.docker.words import WordError, expand

_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OWN_PLATFORM = f"linux/{_ARCH}"
_PLATFORM = {
    f"{side}{name}": value
    for side in ("TARGET", "BUILD")
    for name, value in (("PLATFORM", OWN_PLATFORM), ("OS", "linux"), ("ARCH", _ARCH))
}


@dataclass(slots=True)
class Stage:
    """A stage: `FROM` and its instructions.

    Attributes:
        name: the name that other stages use, in lower case; its number when it has none.
        base: the image or stage it starts from, variables replaced.
        uses: stages and images whose files it copies or mounts, as written.
    """

    number: int
    name: str
    base: str
    head: Instruction
    body: list[Instruction] = field(default_factory=list[Instruction])
    uses: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile that was read.

    Attributes:
        images: needed from outside, in order, each once.
        wanted: numbers of the stages that the build needs.
        base: the image below the result, through all stages; `scratch` has none.
    """

    parsed: Parsed
    stages: tuple[Stage, ...]
    wanted: frozenset[int]
    images: tuple[str, ...]
    base: str

    @property
    def front_end(self) -> str:
        """Image of a `# syntax=` line; empty without."""
        return self.parsed.directives.get("syntax", "")

    @property
    def needs(self) -> Need | None:
        """The newest feature that it asks of a builder."""
        wanted = (instruction for stage in self._wanted() for instruction in stage.body)
        found = [need for instruction in wanted if (need := need_of(_bare(instruction)))]
        return max(found, key=lambda need: need.since) if found else None

    def _wanted(self) -> Iterator[Stage]:
        return (stage for stage in self.stages if stage.number in self.wanted)

    def cache_inputs(self) -> tuple[str, ...] | None:
        """Paths of the context that decide the content of its cache mounts; None: any path may.

        These are all paths read before or with the last mount, in any stage. Empty without mounts.
        """
        body = [instruction for stage in self._wanted() for instruction in stage.body]
        mounts = [
            at for at, instruction in enumerate(body) if any(map(saves_time, instruction.flags))
        ]
        found: list[str] = []
        for instruction in body[: mounts[-1] + 1] if mounts else ():
            sources = _sources(instruction)
            if any(_unclear(source) for source in sources):
                return None
            found += [posixpath.normpath(source).lstrip("/") for source in sources]
        return None if "." in found or "" in found else tuple(dict.fromkeys(found))

    @property
    def has_cache_mounts(self) -> bool:
        """Whether a step mounts a cache."""
        return any(
            any(map(saves_time, instruction.flags))
            for s in self._wanted()
            for instruction in s.body
        )


def read(text: str, args: Mapping[str, str], target: str = "") -> Dockerfile:
    """Read a Dockerfile for a build with `args` of the stage `target`, else the last. Blocking.

    Raises:
        AppFault: no builder would build it.
        PlatformError: no builder known here can read it.
    """
    parsed = parse(text)
    stages = _stages(parsed, args)
    stage = last = _target(stages, target)
    while (below := stage_of(stages[: stage.number], stage.base)) is not None:
        stage = below
    base = stage.base
    wanted = frozenset(_reachable(stages, last))
    images: list[str] = []
    for stage in stages:
        if stage.number in wanted:
            before = stages[: stage.number]
            names = [stage.base, *stage.uses]
            images += [
                name for name in names if stage_of(before, name) is None and name != "scratch"
            ]
    return Dockerfile(parsed, stages, wanted, tuple(dict.fromkeys(images)), base)


def external_images(text: str, args: Mapping[str, str]) -> tuple[str, ...]:
    """Images that `text` needs from outside, in order, each once. Blocking."""
    return read(text, args).images


def _stages(parsed: Parsed, args: Mapping[str, str]) -> tuple[Stage, ...]:
    variables: dict[str, str] = dict(_PLATFORM)
    stages: list[Stage] = []
    escape = parsed.directives.get("escape", "\\")
    for instruction in parsed.instructions:
        if unknown_word(instruction):
            _refuse(instruction, parsed.directives.get("syntax", ""))
        try:
            if instruction.word == "FROM":
                stages.append(_from(instruction, len(stages), variables, escape))
            elif stages:
                stages[-1].body.append(instruction)
                stages[-1].uses += _used(instruction)
            elif instruction.word == "ARG":
                _take(instruction, args, variables, escape)
        except WordError as error:
            text = f"line {instruction.first + 1} of the Dockerfile: {error}"
            raise fault(blame.UNSUPPORTED, "build", text) from error
    if not stages:
        raise fault(blame.BUILD_FAILED, "build", "the Dockerfile has no FROM")
    return tuple(stages)


def _refuse(instruction: Instruction, front_end: str) -> None:
    text = (
        f"line {instruction.first + 1} of the Dockerfile: {instruction.word[:40]} is no instruction"
    )
    if front_end and not official(front_end):
        text += f", unless in the language of {front_end[:80]}, which is not run here"
        raise fault(blame.UNSUPPORTED, "build", text)
    raise fault(blame.BUILD_FAILED, "build", f"{text} of any Dockerfile version")


def _from(
    instruction: Instruction, number: int, variables: Mapping[str, str], escape: str
) -> Stage:
    named = (
        instruction.values[2:]
        if [word.upper() for word in instruction.values[1:2]] == ["AS"]
        else ()
    )
    if len(instruction.values) != 1 and len(named) != 1:
        text = (
            f"line {instruction.first + 1} of the Dockerfile: FROM takes `image` or `image AS name`"
        )
        raise fault(blame.BUILD_FAILED, "build", text)
    name = named[0].lower() if named else str(number)
    return Stage(number, name, expand(instruction.values[0], variables, escape), instruction)


def _take(
    instruction: Instruction, given: Mapping[str, str], known: dict[str, str], escape: str
) -> None:
    """`ARG` before the first `FROM`: build arguments win over defaults, which may name others."""
    for word in instruction.values:
        name, equals, default = word.partition("=")
        if name in given:
            known[name] = given[name]
        elif equals:
            known[name] = expand(default, known, escape)


def _used(instruction: Instruction) -> list[str]:
    """Stages and images whose files an instruction uses."""
    if instruction.word in ("COPY", "ADD"):
        return [value for flag in instruction.flags if (value := value_of(flag, "--from="))]
    if instruction.word != "RUN":
        return []
    mounts = [value for flag in instruction.flags if (value := value_of(flag, "--mount="))]
    parts = (part.strip() for mount in mounts for part in mount.split(","))
    return [value for part in parts if (value := value_of(part, "from="))]


def stage_of(before: tuple[Stage, ...], name: str) -> Stage | None:
    """The latest stage with that name or number."""
    found = (stage for stage in reversed(before) if name.lower() in (stage.name, str(stage.number)))
    return next(found, None)


def _target(stages: tuple[Stage, ...], target: str) -> Stage:
    if not target:
        return stages[-1]
    found = stage_of(stages, target)
    if found is None:
        text = f"the Dockerfile has no stage {target[:80]!r}"
        raise fault(blame.BUILD_FAILED, "build", text)
    return found


def _reachable(stages: tuple[Stage, ...], target: Stage) -> set[int]:
    found: set[int] = set()
    left = [target]
    while left:
        stage = left.pop()
        if stage.number not in found:
            found.add(stage.number)
            before = stages[: stage.number]
            used = (stage_of(before, name) for name in (stage.base, *stage.uses))
            left += [used_stage for used_stage in used if used_stage is not None]
    return found


def _sources(instruction: Instruction) -> list[str]:
    """The paths of the context that an instruction reads, as written."""
    if instruction.word in ("COPY", "ADD"):
        there = any(flag.startswith("--from=") for flag in instruction.flags)
        return [] if there else [source for source in instruction.values[:-1] if source[:2] != "<<"]
    mounts = [mount_options(flag) for flag in instruction.flags if flag.startswith("--mount=")]
    binds = [
        options for options in mounts
        if not any(value_of(part, "from=") for part in options)
        and not {"type=cache", "type=tmpfs", "type=secret", "type=ssh"} & set(options)
    ]  # fmt: skip
    named = (
        [part.partition("=")[2] for part in options if part.partition("=")[0] in ("source", "src")]
        for options in binds
    )
    return [source for names in named for source in names or ["."]]


def _unclear(source: str) -> bool:
    """Whether only the builder knows which files a source names."""
    return any(char in source for char in "*?[\\$\"'") or ".." in source or "://" in source


def _bare(instruction: Instruction) -> Instruction:
    """An instruction without options that only save time or that we can do without."""
    if instruction.word in ("COPY", "ADD"):
        flags = [flag for flag in instruction.flags if flag.partition("=")[0] != "--link"]
    else:
        flags = [
            flag
            for flag in instruction.flags
            if not saves_time(flag) and not is_unused_secret(flag)
        ]
    return replace(instruction, flags=tuple(flags))
