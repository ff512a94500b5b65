"""One resolved document of an app's compose files, as Docker Compose makes it."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from clients.appfolder.composer import (
    HOME,
    MAX_OUTPUT_BYTES,
    MAX_SECONDS,
    MOUNT,
    Answer,
    Composer,
    place,
)
from clients.appfolder.faults import AppFault, beyond, outside
from clients.appfolder.tree import inside
from contract.errors import PlatformError

_MAX_SAID = 400
_UNSET = re.compile(r'The \\?"(\w{1,100})\\?" variable is not set')
_REMOTE = re.compile(
    r"failed to (?:access repository|pull OCI|clone|fetch)|dial (?:tcp|udp|unix)|no such host"
    r"|\bgit\b.*not found"
)
_NO_FILE = re.compile(
    r"no such file or directory|not found|permission denied|no configuration file"
)
_PATH = re.compile(r"(?<![\w./:])/[^\s:'\",]+")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved document, and the variables that it uses but nothing sets."""

    document: dict[str, Any]
    unset: tuple[str, ...]


def resolve(root: Path, composer: Composer) -> Resolved:
    """The answer of `docker compose config` for `root`. Blocking.

    Raises:
        AppFault: Docker Compose refuses it.
        PlatformError: the sandbox may have caused the refusal, or Docker Compose could not run.
    """
    answer = composer.run(root, ("config", "--format", "json"))
    if len(answer.out) >= MAX_OUTPUT_BYTES:
        raise beyond(f"compose file: it resolves to {MAX_OUTPUT_BYTES} bytes and more")
    if answer.code != 0:
        raise _refusal(root, answer)
    try:
        # Docker Compose doubles every dollar sign, so that its output could be read again.
        document = json.loads(answer.out.decode().replace("$$", "$"))
    except (ValueError, RecursionError) as error:
        raise beyond("compose file: it resolves to what is no readable JSON") from error
    unset = dict.fromkeys(_UNSET.findall(answer.messages))
    return Resolved(cast("dict[str, Any]", document), tuple(unset))


def environment_of(root: Path, composer: Composer) -> dict[str, str]:
    """Variables of `.env`, as Docker Compose reads them. Blocking.

    Raises:
        AppFault, PlatformError: as `resolve`.
    """
    answer = composer.run(root, ("config", "--environment"))
    if answer.code != 0:
        raise _refusal(root, answer)
    pairs = (line.partition("=") for line in answer.out.decode(errors="replace").splitlines())
    return {name: value.replace("$$", "$") for name, _, value in pairs}


def relative(root: Path, path: str) -> str | None:
    """`path` of the resolved document relative to the app folder; None: it is outside."""
    top = place(root)
    if path == top:
        return "."
    return path.removeprefix(f"{top}/") if path.startswith(f"{top}/") else None


def shown(root: Path, path: str) -> str:
    """`path` of the resolved document for people, as its author would write it."""
    below = relative(root, path)
    if below is not None:
        return "." if below == "." else f"./{below}"
    if path.startswith(f"{MOUNT}/"):
        return f"../{path.removeprefix(f'{MOUNT}/')}"
    return path.replace(HOME, "~", 1) if path.startswith(HOME) else path


def _refusal(root: Path, answer: Answer) -> AppFault | PlatformError:
    """The fault when there is no document."""
    if answer.code is None:
        return beyond(f"compose file: Docker Compose did not resolve it within {MAX_SECONDS} s")
    messages = _complaint(answer.messages)
    if answer.code != 1 or not messages:  # 1 is a refusal; else it crashed, or a limit ended it
        return beyond("compose file: Docker Compose takes more memory or time than it is given")
    text = f"compose file: {_as_written(root, messages)}"
    if _REMOTE.search(messages):
        return outside(f"{text} (nothing is fetched from the network)")
    if _NO_FILE.search(messages) and any(
        _is_hidden(root, path) for path in _PATH.findall(messages)
    ):
        return outside(text)
    return AppFault("build", text)


def _complaint(messages: str) -> str:
    """The refusal without warnings, in one line."""
    lines = [line for line in messages.splitlines() if not line.startswith("time=")]
    return " ".join(" ".join(lines).split())


def _as_written(root: Path, text: str) -> str:
    text = _PATH.sub(lambda match: shown(root, match[0]), text)
    return text if len(text) <= _MAX_SAID else f"{text[:_MAX_SAID]} ..."


def _is_hidden(root: Path, path: str) -> bool:
    """Whether the sandbox hides the file that `path` is on its author's machine."""
    below = relative(root, path)
    if below is None:
        return True
    try:
        return not _readable(inside(root, below, ""))
    except (AppFault, PlatformError):
        return True


def _readable(path: Path) -> bool:
    """Whether only the absence of `path` keeps Docker Compose from reading it."""
    try:
        if not path.exists():
            return True
        found = path.stat()
    except OSError:
        return False
    own = found.st_uid == os.geteuid() and found.st_mode & 0o400
    return bool(own or found.st_mode & 0o004)
