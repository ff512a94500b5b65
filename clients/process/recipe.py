"""How a service of a trusted app runs as a process, read from its Dockerfile or our scaffold."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from clients.appfolder import ServicePlan
from clients.docker.base_images import serves
from clients.docker.dockerfile import external_images
from clients.substitution import Substitution
from contract.errors import ErrorCode, PlatformError

Language = Literal["python", "node", "static"]
_ENV_PAIR = re.compile(r"""(\w+)=("[^"]*"|'[^']*'|\S*)""")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A service by convention: requirements.txt, package.json or index.html; listens on `PORT`.

    Attributes:
        substitutions: this host's interpreter, where the app was written for another one.
    """

    name: str
    context: Path
    language: Language
    command: tuple[str, ...]
    environment: dict[str, str]
    substitutions: tuple[Substitution, ...] = ()


def recipe(plan: ServicePlan) -> Recipe:
    """The recipe of `plan`. Blocking: this host's Node.js may be asked for its version.

    Raises:
        PlatformError: FAILED_PRECONDITION when it needs a container engine.
    """
    if plan.context is None:
        raise needs_engine(f"service {plan.name} is the image {plan.image}")
    language = _language(plan.context)
    command = plan.command or _command(plan.dockerfile)
    if language == "static" and plan.context.joinpath("Dockerfile").is_file():
        raise needs_engine(f"service {plan.name} is a static site with a server of its own")
    if language == "static":  # the server is ours, and so is the Python that runs it
        command = (str(Path(sys.executable).resolve()), "-m", "http.server", "--bind", "127.0.0.1")
        command = ("sh", "-c", f'exec {shlex.join(command)} "$PORT"')
    if plan.entrypoint or re.search(r"^\s*ENTRYPOINT\b", plan.dockerfile, re.M | re.I):
        raise needs_engine(f"service {plan.name} has an entrypoint")
    if language is None or not command:
        raise needs_engine(f"service {plan.name} is no plain Python, Node or static app")
    environment = _env(plan.dockerfile) | plan.environment
    if "PORT" not in environment:
        raise needs_engine(f"service {plan.name} does not say that it listens on PORT")
    if any(not _is_within(file.source, plan.context) for file in plan.files):
        raise needs_engine(f"service {plan.name} mounts files of its own")
    stand_ins = _stand_ins(plan, language)
    for stand_in in stand_ins:
        if not serves(stand_in.original, stand_in.used):
            raise needs_engine(
                f"service {plan.name} wants {stand_in.original}, this host has {stand_in.used}"
            )
    return Recipe(plan.name, plan.context, language, command, environment, stand_ins)


def _is_within(source: Path | None, context: Path) -> bool:
    """Whether a mounted file is one that the process can see anyway."""
    return source is not None and source.resolve() == context.resolve()


def _stand_ins(plan: ServicePlan, language: Language) -> tuple[Substitution, ...]:
    """This host's interpreter as a stand-in for the image that the app was written for."""
    if language == "static":
        return ()
    used = _this_python() if language == "python" else _this_node()
    images = external_images(plan.dockerfile, plan.args)
    found = (Substitution(image, f"{language}:{used}") for image in images)
    return tuple(stand_in for stand_in in found if used and stand_in.family == language)


def _this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@cache
def _this_node() -> str:
    """Version of this host's Node.js; empty when it has none."""
    try:
        result = subprocess.run(
            ["node", "--version"], capture_output=True, timeout=10, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip().removeprefix("v")


def written_ports(plan: ServicePlan) -> tuple[int, ...]:
    """Ports that it was written to listen on, before we assigned another one."""
    port = (_env(plan.dockerfile) | plan.environment).get("PORT", "")
    named = (int(port),) if port.isdecimal() and 0 < int(port) < 65_536 else ()
    return tuple(dict.fromkeys((*named, *plan.ports)))


def needs_engine(why: str) -> PlatformError:
    """The fault of an app that cannot run here."""
    return PlatformError(
        ErrorCode.FAILED_PRECONDITION,
        f"no container engine: {why}; install and start Docker Engine (Debian: docker.io)",
    )


def _language(context: Path) -> Language | None:
    if (context / "requirements.txt").is_file():
        return "python"
    if (context / "package.json").is_file():
        return "node"
    return "static" if (context / "index.html").is_file() else None


def _command(dockerfile: str) -> tuple[str, ...]:
    """The last `CMD`, exec or shell form."""
    found = re.findall(r"^\s*CMD\s+(.+(?:\\\n.+)*)$", dockerfile, re.MULTILINE | re.IGNORECASE)
    if not found:
        return ()
    text = found[-1].replace("\\\n", " ").strip()
    try:
        words = json.loads(text)
    except ValueError:
        return ("sh", "-c", text)
    return tuple(str(word) for word in words) if isinstance(words, list) else ()


def _env(dockerfile: str) -> dict[str, str]:
    """`ENV` of the last stage."""
    last = re.split(r"^\s*FROM\b", dockerfile, flags=re.MULTILINE | re.IGNORECASE)[-1]
    joined = last.replace("\\\n", " ")
    found: dict[str, str] = {}
    for line in re.findall(r"^\s*ENV\s+(.+)$", joined, re.MULTILINE | re.IGNORECASE):
        found |= {name: value.strip("\"'") for name, value in _ENV_PAIR.findall(line)}
    return found
