"""The Dockerfile that we send instead: other base images, and nothing that the builder lacks."""

import json
from collections.abc import Callable, Mapping

from clients.docker.dockerfile import OWN_PLATFORM, Dockerfile, Stage, stage_of
from clients.docker.dockerfile_parser import Instruction
from clients.docker.flags import Flags, is_unused_secret, saves_time, value_of
from clients.docker.frontends import Builder, Need, engine_for


def written(
    read: Dockerfile, resolve: Callable[[str], str], labels: Mapping[str, str], builder: Builder
) -> tuple[str, tuple[str, ...]]:
    """The text for `builder`, and notes on the changes.

    Args:
        read: the Dockerfile.
        resolve: the image to use for an image of `read.images`.
        labels: put on each stage for the classic builder, which keeps the leftovers of a build.
        builder: features that it does not understand and that only save time are left out.
    """
    writer = Writer(read, resolve, labels, builder)
    return writer.text(), tuple(dict.fromkeys(writer.notes))


def lacking(needs: Need | None, builder: Builder) -> str:
    """Why `builder` cannot build this, and which builder can; empty: it can."""
    if needs is None or needs.since <= builder.language:
        return ""
    version = f"{needs.since[0]}.{needs.since[1]}"
    return (
        f"the Dockerfile needs {needs.name}, which {builder.engine} does not know: Dockerfile"
        f" {version} does, in {engine_for(needs.since)} or newer, or with the image"
        f" docker/dockerfile:1 on this host (`docker load`)"
    )


class Writer:
    """Writes a Dockerfile for one builder."""

    def __init__(
        self,
        read: Dockerfile,
        resolve: Callable[[str], str],
        labels: Mapping[str, str],
        builder: Builder,
    ) -> None:
        self._read = read
        self._resolve = resolve
        self._builder = builder
        words = " ".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        self._labels = [f"LABEL {words}"] if words and builder.kind == "classic" else []
        self.notes: list[str] = []

    def text(self) -> str:
        """The whole file. A stage that is not needed stays as an empty one, to keep the numbers."""
        parsed = self._read.parsed
        first = self._read.stages[0].head.first
        lines = [line for line in parsed.lines[:first] if not _is_syntax(line)]
        for stage in self._read.stages:
            wanted = stage.number in self._read.wanted
            base = self._image(stage, stage.base) if wanted else "scratch"
            name = "" if stage.name == str(stage.number) else f" AS {stage.name}"
            lines.append(f"FROM {base}{name}")
            if wanted:
                self._note_platform(stage)
                lines += self._labels
                lines += [
                    line for instruction in stage.body for line in self._lines(stage, instruction)
                ]
        return "\n".join(lines).rstrip("\n") + "\n"

    def _note_platform(self, stage: Stage) -> None:
        """Apps run where they are built, so a build for another platform is noted and not done."""
        for flag in stage.head.flags:
            name = value_of(flag, "--platform=")
            if name and "$" not in name and not OWN_PLATFORM.startswith(name):
                self.notes.append(f"FROM {flag[:60]} (built for {OWN_PLATFORM})")

    def _lines(self, stage: Stage, instruction: Instruction) -> list[str]:
        flags = [self._flag(stage, instruction, flag) for flag in instruction.flags]
        if flags == list(instruction.flags) and instruction.first < 0:
            return [instruction.text]
        if flags == list(instruction.flags):
            return list(self._read.parsed.lines[instruction.first : instruction.last])
        return [Flags.of(instruction).written([flag for flag in flags if flag])]

    def _image(self, stage: Stage, name: str) -> str:
        before = self._read.stages[: stage.number]
        if name == "scratch":
            return name
        return self._resolve(name) if stage_of(before, name) is None else name

    def _flag(self, stage: Stage, instruction: Instruction, flag: str) -> str:
        """The replacement of a flag; empty: the flag is dropped."""
        language = self._builder.language
        if instruction.word in ("COPY", "ADD"):
            if flag.partition("=")[0] == "--link" and language < (1, 4):
                self.notes.append("COPY --link (no effect on the result)")
                return ""
            name = value_of(flag, "--from=")
            return f"--from={self._image(stage, name)}" if name else flag
        if instruction.word != "RUN" or not flag.startswith("--mount="):
            return flag
        if is_unused_secret(flag):
            self.notes.append("RUN --mount=type=secret or ssh (none is given)")
            return ""
        if saves_time(flag) and self._builder.kind == "classic":
            self.notes.append("RUN --mount=type=cache (no effect on the result)")
            return ""
        return self._mount(stage, flag)

    def _mount(self, stage: Stage, flag: str) -> str:
        parts = flag.removeprefix("--mount=").split(",")
        named = ((part, value_of(part.strip(), "from=")) for part in parts)
        kept = [f"from={self._image(stage, name)}" if name else part for part, name in named]
        return "--mount=" + ",".join(kept)


def _is_syntax(line: str) -> bool:
    """Whether the line is a `# syntax=` line: we choose its front end ourselves."""
    name, equals, _ = line.removeprefix("\ufeff").lstrip("# \t").partition("=")
    return bool(equals) and line.lstrip("\ufeff \t").startswith("#") and name.strip() == "syntax"
