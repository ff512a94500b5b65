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
_MOUNT = re.compile(r"--mount=(\S+)\s+(?:\\\s*\n\s*)?")
_HEREDOC = re.compile(r"(?:^|\s)\d*<<(-?)([\"']?)([A-Za-z_]\w*)\2(?=\s|$)")
_NEEDS_BUILDKIT = (
    (
        re.compile(
            r"^\s*(?:COPY|ADD)\s(?:--\S+\s+)*--(?:chmod|parents|exclude|checksum|keep-git-dir)\b",
            re.IGNORECASE,
        ),
        "options of COPY and ADD",
    ),
    (re.compile(r"^\s*RUN\s(?:--\S+\s+)*--(?:network|security|device)\b", re.I), "options of RUN"),
    (re.compile(r"^\s*ADD\s.*(?:\bgit@|https?://\S+\.git\b)", re.I), "ADD of a git repository"),
)  # fmt: skip
_LINK = re.compile(r"--link(?:=true)?\s+")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A Dockerfile ready for the daemon.

    Attributes:
        images: that it uses.
        notes: what was changed.
        unsupported: what only BuildKit does; empty when the classic builder will do.
    """

    text: str
    images: tuple[str, ...]
    notes: tuple[str, ...]
    unsupported: str = ""


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
    unsupported: list[str] = []
    for instruction in _instructions(text):
        unsupported += _needs_buildkit(instruction)
        if not stages and not images:
            _take_global_args(instruction, args, variables)
        line = _rewrite_from(instruction, variables, stages, images, resolve)
        line = _rewrite_copy(line, stages, images, resolve)
        lines.append(_without_buildkit(line, notes))
        if labels and _FROM.match(instruction):
            words = " ".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
            lines.append(("" if line.endswith("\n") else "\n") + f"LABEL {words}\n")
    return Rewritten(
        "".join(lines),
        tuple(dict.fromkeys(images)),
        tuple(dict.fromkeys(notes)),
        ", ".join(dict.fromkeys(unsupported)),
    )


def external_images(text: str, args: dict[str, str]) -> tuple[str, ...]:
    """Images that `text` needs from outside, in order, each once."""
    return rewrite(text, args, lambda image: image, {}).images


def _instructions(text: str) -> Iterator[str]:
    """Physical lines joined over continuations, with their here-documents; comments come alone."""
    pending = ""
    ends: list[tuple[str, bool]] = []
    for line in text.splitlines(keepends=True):
        if ends:
            pending += line
            word, dashed = ends[0]
            if (line.lstrip("\t") if dashed else line).rstrip("\r\n") == word:
                ends.pop(0)
            if not ends:
                yield pending
                pending = ""
            continue
        if pending and line.lstrip().startswith("#"):
            continue
        pending += line
        if not pending.lstrip().startswith("#") and line.rstrip().endswith("\\"):
            continue
        ends = _heredocs(pending)
        if not ends:
            yield pending
            pending = ""
    if pending:
        yield pending


def _heredocs(instruction: str) -> list[tuple[str, bool]]:
    """Words that end the here-documents of an instruction, and whether tabs may precede each."""
    if not re.match(r"\s*(?:RUN|COPY|ADD)\s", instruction, re.IGNORECASE):
        return []
    return [(match[3], bool(match[1])) for match in _HEREDOC.finditer(instruction)]


def _needs_buildkit(instruction: str) -> Iterator[str]:
    """What of an instruction the classic builder cannot do, and that changes the result."""
    if _heredocs(instruction):
        yield "here-documents"
    if re.match(r"\s*RUN\s", instruction, re.IGNORECASE):
        for match in _MOUNT.finditer(_options(instruction)):
            if not _is_cache(match[1]):
                yield f"RUN --mount={match[1][:60]}"
    for pattern, what in _NEEDS_BUILDKIT:
        if pattern.match(instruction):
            yield what


def _options(instruction: str) -> str:
    """The options of a RUN, which come before its command."""
    match = re.match(r"\s*RUN\s+(?:(?:--\S+|\\)\s+)*", instruction, re.IGNORECASE)
    return match[0] if match else ""


def _is_cache(options: str) -> bool:
    return "type=cache" in options.split(",")


def _take_global_args(instruction: str, given: dict[str, str], known: dict[str, str]) -> None:
    """`ARG` before the first `FROM`: build arguments win over defaults, which may name others."""
    match = _ARG.match(instruction)
    for word in match[1].split() if match else ():
        name, _, default = word.partition("=")
        known[name] = given.get(name, _expanded(default.strip("\"'"), known))


def _expanded(text: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(
        lambda found: variables.get(found[1] or found[3], "") or found[2] or "", text
    )


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
    image = _expanded(match[3].strip("\"'"), variables)
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
    options = _options(instruction)
    if any(_is_cache(match[1]) for match in _MOUNT.finditer(options)):
        notes.append("RUN --mount=type=cache (no effect on the result)")
        kept = _MOUNT.sub(lambda match: "" if _is_cache(match[1]) else match[0], options)
        return kept + instruction[len(options) :]
    if word.startswith(("COPY", "ADD")) and _LINK.search(instruction):
        notes.append("COPY --link (no effect on the result)")
        return _LINK.sub("", instruction)
    return instruction
