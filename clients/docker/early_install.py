"""Moves installs in front of the copy of the whole source, so that apps share their layer.

`COPY . .` before `RUN pip install -r requirements.txt` makes one layer per app, though it is the
same for all apps with the same requirements. So we copy the files that the command reads first, run
the command, and copy the rest afterwards: the same command with the same files. We do this only
where nothing else in the source can affect the install: plain requirements, or a package without
install scripts and local packages.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from clients.docker.context import IgnoreRules
from clients.docker.dockerfile import Dockerfile, Stage
from clients.docker.dockerfile_parser import Instruction

_MAX_BYTES = 4_194_304
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9._, -]*\])?"
_REQUIREMENT = re.compile(rf"{_NAME}\s*(?:\(?[<>=!~][^;@/\\]*)?(?:;[^@/\\]*)?")
_HASH = re.compile(r"\s--hash=sha256:[0-9a-f]{64}")
_PIP_OPTIONS = frozenset({
    "--no-cache-dir", "--upgrade", "-U", "-q", "--quiet", "--require-hashes", "--no-deps",
    "--disable-pip-version-check", "--prefer-binary", "--user", "--no-compile",
})  # fmt: skip
_PIP = (["pip"], ["pip3"], ["python", "-m", "pip"], ["python3", "-m", "pip"])
_NPM_OPTIONS = re.compile(
    r"--(?:omit=\w+|include=\w+|production|only=\w+|no-audit|no-fund|legacy-peer-deps|silent|force"
    r"|prefer-offline|ignore-scripts|no-optional|loglevel[= ]\w+)"
)
_INSTALL_SCRIPTS = frozenset({
    "preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare",
})  # fmt: skip
_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
_OTHER_NPM_INPUTS = (".npmrc", "yarn.lock", "binding.gyp")
# Their install scripts fetch or compile their own files and read nothing of the project.
_OWN_SCRIPTS = frozenset({
    "@parcel/watcher", "@swc/core", "bcrypt", "better-sqlite3", "bufferutil", "core-js", "esbuild",
    "fsevents", "protobufjs", "sharp", "sqlite3", "unrs-resolver", "utf-8-validate",
})  # fmt: skip
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar|tgz|gz|bz2|xz)$", re.IGNORECASE)
_STEERED = re.compile(
    r"PIP_(?:BUILD_)?(?:CONSTRAINT|FIND_LINKS|REQUIREMENT|CONFIG_FILE)|NPM_CONFIG_", re.IGNORECASE
)
_DEPENDENCIES = (
    "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
)  # fmt: skip
_LOCAL = re.compile(r"^(?:file|link|portal|workspace|patch):|^[./~]")
NOTE = "dependencies are installed before the rest is copied (the same command, the same files)"


def with_early_installs(read: Dockerfile, context: Path) -> Dockerfile:
    """`read` with its installs in front of the copies of the whole source, where that is safe."""
    if _STEERED.search("\n".join(read.parsed.lines)):
        return read
    stages = tuple(_moved(stage, context) for stage in read.stages)
    return replace(read, stages=stages)


def is_moved(read: Dockerfile) -> bool:
    """Whether an install was moved."""
    return any(instruction.first < 0 for stage in read.stages for instruction in stage.body)


def _moved(stage: Stage, context: Path) -> Stage:
    body = list(stage.body)
    folder = "."
    for at in range(len(body) - 1):
        copy, run = body[at], body[at + 1]
        if copy.word == "WORKDIR":
            folder = copy.values[0].rstrip("/") if copy.values[0].startswith("/") else "."
        if _copies_all(copy, folder) and run.word == "RUN" and not run.heredoc:
            files = _inputs(run, context)
            if files:
                body[at : at + 2] = [*(_copy_of(copy, file) for file in files), run, copy]
                return replace(stage, body=body)
    return stage


def _copies_all(instruction: Instruction, folder: str) -> bool:
    """`COPY . .` or the like, into the working directory (`folder`, where it is known)."""
    plain = all(flag.startswith("--chown=") for flag in instruction.flags)
    return (
        instruction.word == "COPY"
        and plain
        and not instruction.heredoc
        and [value.rstrip("/") for value in instruction.values] in ([".", "."], [".", folder])
    )


def _copy_of(copy: Instruction, file: str) -> Instruction:
    text = " ".join(["COPY", *copy.flags, json.dumps([file, f"./{file}"])])
    return Instruction("COPY", copy.flags, (file, f"./{file}"), -1, -1, text)


def _inputs(run: Instruction, context: Path) -> list[str]:
    """Files that an install reads; none where it is no plain install, or may read more."""
    command = run.values[0] if len(run.values) == 1 else ""
    if re.search(r"[;|$`<>\\*?()\n]", command):
        return []
    try:
        parts = [shlex.split(part) for part in command.split("&&")]
    except ValueError:
        return []
    ignored = IgnoreRules.read(context)
    found: list[str] = []
    for words in parts:
        files = (
            _of_pip(words, context) if not words or words[0] != "npm" else _of_npm(words, context)
        )
        if files is None or any(ignored.match(file) for file in files):
            return []
        found += files
    return list(dict.fromkeys(found))


def _of_pip(words: list[str], context: Path) -> list[str] | None:
    """Requirement files of a `pip install`; none for `--upgrade pip`; None: another command."""
    start = next(
        (
            start_words
            for start_words in _PIP
            if words[: len(start_words) + 1] == [*start_words, "install"]
        ),
        None,
    )
    if start is None:
        return None
    rest = iter(words[len(start) + 1 :])
    files: list[str] = []
    for word in rest:
        if word in ("-r", "--requirement"):
            files.append(next(rest, ""))
        elif word.startswith(("-r", "--requirement=")):
            files.append(word.removeprefix("--requirement=").removeprefix("-r"))
        elif word not in _PIP_OPTIONS and not _plain_name(word, re.compile(_NAME)):
            return None
    return files if all(_plain_requirements(context, file) for file in files) else None


def _plain_requirements(context: Path, name: str) -> bool:
    text = _text(context, name)
    if text is None:
        return False
    lines = (line.partition("#")[0] for line in text.replace("\\\n", " ").splitlines())
    bare = (_HASH.sub("", line).strip() for line in lines)
    return all(_plain_name(line, _REQUIREMENT) for line in bare if line)


def _plain_name(text: str, pattern: re.Pattern[str]) -> bool:
    """A name that only a registry can resolve; the name of an archive may be a file's."""
    return bool(pattern.fullmatch(text)) and not _ARCHIVE.search(text)


def _of_npm(words: list[str], context: Path) -> list[str] | None:
    """Files that `npm install` or `npm ci` of a whole package reads; None: another command."""
    if words[1:2] not in (["install"], ["ci"], ["i"]):
        return None
    if not all(_NPM_OPTIONS.fullmatch(word) for word in words[2:]):
        return None
    locks = [name for name in _LOCKS if (context / name).exists()]
    package = _json(context, "package.json")
    if package is None or not _plain_package(package) or not locks:
        return None
    if any((context / name).exists() for name in _OTHER_NPM_INPUTS):
        return None
    trusted = "--ignore-scripts" in words
    plain = all(_plain_lock(_json(context, name), trusted) for name in locks)
    return ["package.json", *locks] if plain else None


def _plain_package(package: dict[str, Any]) -> bool:
    scripts = package.get("scripts") or {}
    if not isinstance(scripts, dict) or _INSTALL_SCRIPTS & scripts.keys():
        return False
    if any(
        key in package
        for key in ("workspaces", "overrides", "bundleDependencies", "bundledDependencies")
    ):
        return False
    return not any(_LOCAL.match(version) for version in _versions(package))


def _versions(package: dict[str, Any]) -> Iterator[str]:
    for key in _DEPENDENCIES:
        there = package.get(key) or {}
        if isinstance(there, dict):
            yield from (str(version) for version in cast("dict[str, Any]", there).values())
        else:
            yield "file:"


def _plain_lock(lock: dict[str, Any] | None, without_scripts: bool) -> bool:
    packages = (lock or {}).get("packages")
    if not isinstance(packages, dict):
        return False
    entries = cast("dict[str, Any]", packages)
    return all(_plain_entry(name, item, without_scripts) for name, item in entries.items())


def _plain_entry(name: str, package: Any, without_scripts: bool) -> bool:
    if not isinstance(package, dict):
        return False
    entry = cast("dict[str, Any]", package)
    if not name:
        return True
    own = name.rpartition("node_modules/")[2]
    scripts = bool(entry.get("hasInstallScript")) and own not in _OWN_SCRIPTS
    local = entry.get("link") or _LOCAL.match(str(entry.get("resolved") or ""))
    return name.startswith("node_modules/") and not local and (without_scripts or not scripts)


def _json(context: Path, name: str) -> dict[str, Any] | None:
    try:
        found = json.loads(_text(context, name) or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(context: Path, name: str) -> str | None:
    """The text of a plain file of the context; None: there is no such file, or no plain one."""
    path = context / name
    parts = Path(name).parts
    if not parts or ".." in parts:
        return None
    folders = [context.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    if Path(name).is_absolute() or any(folder.is_symlink() for folder in folders):
        return None
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
