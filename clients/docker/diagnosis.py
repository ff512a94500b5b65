"""Whose fault a failed build is: the app's author's, or this platform's."""

import re
from collections.abc import Sequence

from clients.docker.base_images import Substitution
from clients.docker.errors import COMMAND_FAULT
from clients.docker.stream import StreamResult
from contract.errors import ErrorCode, PlatformError

NETWORK = re.compile(
    r"Temporary failure in name resolution|Temporary failure resolving|Could not resolve host"
    r"|EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|network is unreachable"
    r"|NewConnectionError|Max retries exceeded with url|Read timed out"
    r"|SSLCertVerificationError"
    r"|CERTIFICATE_VERIFY_FAILED|UNABLE_TO_GET_ISSUER|SELF_SIGNED_CERT_IN_CHAIN"
    r"|Could not connect to"
    r"|dial tcp|no such host|registry does not answer|TLS handshake",
    re.IGNORECASE,
)
_BUILDKIT = re.compile(r"requires BuildKit|unknown flag: (?:mount|link|chmod|network)", re.I)
_ENGINE = re.compile(
    r"no space left on device|OCI runtime create failed|failed to register layer"
    r"|error creating overlay"
    r"|Cannot connect to the Docker daemon|driver failed programming",
    re.IGNORECASE,
)
# Said by the engine in place of a step's exit code.
_BROKEN_OFF = re.compile(
    r"^context cancell?ed|No such (?:image|container): |network \S+ not found|containerd"
    r"|connection refused|transport is closing|unexpected EOF|Unavailable desc",
    re.IGNORECASE,
)
_KILLED = (137, 143)
_MISSING_TOOL = re.compile(
    r"not found|unable to execute|No such file or directory: '(?:gcc|cc|make|git)'"
    r"|command '\S*(?:gcc|cc|g\+\+)' failed|not find (?:any )?Python|gyp ERR! find",
)
_VERSION = re.compile(
    r"requires a different Python|Requires-Python|requires Python|EBADENGINE|Unsupported engine"
    r"|requires Node(?:\.js)? version",
    re.IGNORECASE,
)
_MUSL_TOOLS = re.compile(r"\b(?:apk|adduser|addgroup)\b")


def platform_fault(
    result: StreamResult, substitutions: Sequence[Substitution], out_of_memory: bool = False
) -> PlatformError | None:
    """The platform's part in a failed build; None: the app's author is at fault.

    A missing zero beats a false one: what a stand-in base image may have caused is never the app's,
    nor is a step that was killed, unless by its own memory limit (`out_of_memory`).
    """
    if result.exit_code is None and COMMAND_FAULT.search(result.error):
        return None
    if fault := _broken_off(result, out_of_memory):
        return fault
    tail = "".join(result.log[-60:]) + result.error
    if _ENGINE.search(tail):
        return PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"the Docker engine failed to build: {_line(tail, _ENGINE)}",
        )
    if _BUILDKIT.search(tail):
        return PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"the Dockerfile needs BuildKit, the classic builder fails: {result.error[:200]}",
        )
    if NETWORK.search(tail):
        return PlatformError(
            ErrorCode.UNAVAILABLE,
            f"a package registry was not reachable during the build: {_line(tail, NETWORK)}",
        )
    return _substitution_fault(result, tail, substitutions)


def _broken_off(result: StreamResult, out_of_memory: bool) -> PlatformError | None:
    cause = ""
    if result.exit_code in _KILLED and not out_of_memory:
        cause = f"`{result.last_command()[:80]}` was killed from outside ({result.exit_code})"
    elif result.exit_code is None and _BROKEN_OFF.search(result.error):
        cause = result.error[:200]
    message = f"the Docker engine broke the build off: {cause}"
    return PlatformError(ErrorCode.UNAVAILABLE, message) if cause else None


def _substitution_fault(
    result: StreamResult, tail: str, substitutions: Sequence[Substitution]
) -> PlatformError | None:
    if not substitutions:
        return None
    musl = [one for one in substitutions if one.musl]
    cause = ""
    if musl and _MUSL_TOOLS.search(result.last_command()):
        cause = (
            f"{musl[0]} is another distribution, and `{result.last_command()[:80]}` needs Alpine"
        )
    elif (found := _MISSING_TOOL.search(tail)) and result.exit_code in (1, 127):
        cause = _missing(substitutions, tail, result.exit_code, found)
    elif _VERSION.search(tail):
        cause = f"{substitutions[0]} has another version: {_line(tail, _VERSION)}"
    if not cause:
        return None
    return PlatformError(
        ErrorCode.FAILED_PRECONDITION, f"{cause}; load the original image, then retry the app"
    )


def _missing(
    substitutions: Sequence[Substitution], tail: str, exit_code: int, found: re.Match[str]
) -> str:
    """A tool that the stand-in may lack; exit 127 is a shell that did not find its command."""
    if exit_code == 127 or found[0] != "not found":
        return f"{substitutions[0]} may lack a tool of the original: {_line(tail, _MISSING_TOOL)}"
    return ""


def _line(text: str, pattern: re.Pattern[str]) -> str:
    """The line that `pattern` was found in."""
    line = next((line for line in text.splitlines() if pattern.search(line)), "")
    return line.strip()[:200]
