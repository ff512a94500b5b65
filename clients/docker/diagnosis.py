"""Whose fault a failed build is: the app's author's, or this platform's."""

import re
from collections.abc import Sequence

from clients import blame
from clients.blame import AppFault, fault
from clients.docker.errors import COMMAND_FAULT
from clients.docker.result import StreamResult
from clients.log_lines import cause_line, plain
from clients.registries import registry_fault
from clients.substitution import Substitution, line_at, missing_tool, start_cause
from contract.errors import PlatformError

_BUILDKIT = re.compile(
    r"requires BuildKit|(?:^|line \d+: )unknown flag: |unknown instruction: |parse platform"
    r"|the --\w+ (?:flag|option) requires",
    re.IGNORECASE | re.MULTILINE,
)
_ENGINE = re.compile(
    r"no space left on device|OCI runtime create failed|failed to register layer"
    r"|error creating overlay"
    r"|Cannot connect to the Docker daemon|driver failed programming"
    r"|error running container: from \S+ creating container|failed to parse parameters",
    re.IGNORECASE,
)
# Texts that the engine gives instead of a step's exit code.
_BROKEN_OFF = re.compile(
    r"^(?:[\w .]{1,80}: |rpc error: code = \w+ desc = )*context cancell?ed"
    r"|No such (?:image|container): |network \S+ not found|containerd|no active session"
    r"|connection refused|transport is closing|unexpected EOF|Unavailable desc",
    re.IGNORECASE,
)
_KILLED = (137, 143)
_COMPILER = re.compile(
    r"unable to execute|No such file or directory: '(?:gcc|cc|make|git)'"
    r"|command '\S*(?:gcc|cc|g\+\+)' failed|not find (?:any )?Python|gyp ERR! find",
)
_VERSION = re.compile(
    r"requires a different Python|Requires-Python|requires Python|code EBADENGINE"
    r"|The engine \"node\" is incompatible|requires Node(?:\.js)? version",
    re.IGNORECASE,
)
_PINNED = re.compile(
    r"satisfies the requirement [\w.\[\]-]+==([\d.]+)[^\n(]*\(from versions: (\d[\d.]*)"
)
_MUSL_TOOLS = re.compile(r"\b(?:apk|adduser|addgroup)\b")


def build_fault(
    service: str,
    result: StreamResult,
    substitutions: Sequence[Substitution],
    out_of_memory: bool = False,
    memory_bytes: int = 0,
) -> AppFault | PlatformError:
    """The fault of a failed build, with the line of its log that names the cause.

    A missing zero is better than a false one: a failure that a stand-in base image may have caused
    is never the app's. Neither is a killed step, unless its own memory limit killed it
    (`out_of_memory`).
    """
    if found := platform_fault(result, substitutions, out_of_memory):
        return found
    line = cause_line(result.failure_log())
    row, why = blame.BUILD_FAILED, ""
    if out_of_memory:
        row, why = blame.BUILD_MEMORY, f" (out of memory: {memory_bytes} bytes allowed)"
    cause = f": {line}" if line else ""
    reason = f"{service}: the image does not build: {_end(result)}{why}{cause}"
    return fault(row, "build", " ".join(reason.split()), result.text)


def _end(result: StreamResult) -> str:
    """How the build ended, in the words of the classic builder, which shorten a command."""
    if result.exit_code is not None and "returned a non-zero code" not in result.error:
        command = plain(result.last_command())[:120]
        return f"The command '{command}' returned a non-zero code: {result.exit_code}"
    return plain(result.error)[:200]


def platform_fault(
    result: StreamResult, substitutions: Sequence[Substitution], out_of_memory: bool = False
) -> AppFault | PlatformError | None:
    """The platform's part in a failed build; None: the app's author is at fault."""
    if result.exit_code is None and COMMAND_FAULT.search(result.error):
        cause = start_cause(result.error, substitutions)
        return _stand_in(cause) if cause else None
    if found := _broken_off(result, out_of_memory):
        return found
    tail = plain("".join(result.last_step()) + "\n" + result.error)
    if match := _ENGINE.search(tail):
        text = f"the Docker engine failed to build: {line_at(tail, match)}"
        return fault(blame.BUILD_ENGINE, "build", text)
    if _BUILDKIT.search(result.error):
        text = f"the Dockerfile needs a newer builder than this engine's: {result.error[-200:]}"
        return fault(blame.UNSUPPORTED, "build", text)
    if text := registry_fault(tail):
        text = f"a package registry was not reachable during the build: {text}"
        return fault(blame.REGISTRY, "build", text)
    cause = _substitution_cause(result, tail, substitutions)
    return _stand_in(cause) if cause else None


def _stand_in(cause: str) -> AppFault | PlatformError:
    return fault(blame.STAND_IN, "build", f"{cause}; load the original image, then retry the app")


def _broken_off(result: StreamResult, out_of_memory: bool) -> AppFault | PlatformError | None:
    cause = ""
    if result.exit_code in _KILLED and not out_of_memory:
        cause = f"`{result.last_command()[:80]}` was killed from outside ({result.exit_code})"
    elif result.exit_code is None and _BROKEN_OFF.search(result.error):
        cause = result.error[:200]
    message = f"the Docker engine broke the build off: {cause}"
    return fault(blame.BUILD_KILLED, "build", message) if cause else None


def _substitution_cause(
    result: StreamResult, tail: str, substitutions: Sequence[Substitution]
) -> str:
    if not substitutions:
        return ""
    musl = [substitution for substitution in substitutions if substitution.musl]
    command = result.last_command()
    if musl and _MUSL_TOOLS.search(command):
        return f"{musl[0]} is another distribution, and `{command[:80]}` needs Alpine"
    if match := _COMPILER.search(tail):
        return f"{substitutions[0]} may lack a tool of the original: {line_at(tail, match)}"
    lacks = result.exit_code == 127 or COMMAND_FAULT.search(tail)
    if lacks and (match := missing_tool(tail)):
        return f"{substitutions[0]} may lack a tool of the original: {line_at(tail, match)}"
    return _version_cause(tail, substitutions) or start_cause(tail, substitutions)


def _version_cause(tail: str, substitutions: Sequence[Substitution]) -> str:
    """A dependency that wants another version of the interpreter, or has files only for others."""
    other = [substitution for substitution in substitutions if substitution.age(2)]
    if other and (match := _VERSION.search(tail)):
        return f"{other[0]} has another version: {line_at(tail, match)}"
    newer = [
        substitution
        for substitution in substitutions
        if substitution.family == "python" and substitution.age(2) > 0
    ]
    if newer and (match := _PINNED.search(tail)) and _numbers(match[1]) < _numbers(match[2]):
        return f"{newer[0]} is too new for an old package: {line_at(tail, match)}"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part[:9]) for part in version.split(".") if part)
