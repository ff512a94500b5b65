"""Whose fault it is, on the engine's side: one table from what was seen to the state it becomes.

Build, start and check choose the row that fits what they saw, and the row decides. `fault` makes
the exception: a fault of the app (which becomes a value later), or of the platform.
"""

from typing import Literal

from contract.analysis import MeasurementState
from contract.blame import Row
from contract.errors import ErrorCode, PlatformError

Phase = Literal["build", "start", "answer"]

_APP = MeasurementState.APP_FAILED
_PLATFORM = MeasurementState.INFRA_FAILED


class AppFault(Exception):
    """The app's author is at fault. `phase` is where it showed, `reason` is one sentence.

    Attributes:
        row: key of the row that decided.
        log: text to keep besides the output of the containers.
        notes: what had been substituted or not honoured so far.
    """

    def __init__(self, phase: Phase, reason: str, row: str = "app-files", log: str = "") -> None:
        super().__init__(reason)
        self.phase: Phase = phase
        self.reason = reason
        self.row = row
        self.log = log
        self.notes: tuple[str, ...] = ()


class PlatformFault(PlatformError):
    """The platform is at fault. `row` is the key of the row that decided.

    Attributes:
        notes: what had been substituted or not honoured so far.
    """

    def __init__(self, code: ErrorCode, message: str, row: str) -> None:
        super().__init__(code, message)
        self.row = row
        self.notes: tuple[str, ...] = ()


def _row(key: str, state: MeasurementState, seen: str, because: str, again: str = "") -> Row:
    return Row(key=key, seen=seen, state=state, because=because, again=again)


APP_FILES = _row(
    "app-files", _APP,
    "the app's own files name no service that can be run: an empty folder, no valid compose file,"
    " a missing file, a cycle",
    "the reference tools refuse such files, too",
)  # fmt: skip
BUILD_FAILED = _row(
    "build-failed", _APP,
    "a build step ended with an exit code of its own: a version that no registry has, a syntax"
    " error, a file that is not there; or no version of BuildKit reads the Dockerfile",
    "it would end so on any builder that has the same base image",
)  # fmt: skip
BUILD_MEMORY = _row(
    "build-memory", _APP,
    "a build step was killed at its memory limit, which the engine has on record",
    "every app has the same limit and must work within it",
)  # fmt: skip
COMMAND_MISSING = _row(
    "command-missing", _APP,
    "the container's command or user does not exist in the image, and no part of the image was"
    " substituted",
    "the same image lacks it everywhere",
)  # fmt: skip
EXIT = _row(
    "exit-by-itself", _APP,
    "a process of the app ended with an exit code or a crash of its own, and nobody sent it a"
    " signal",
    "an exit proves a death, and its log has nothing to do with our substitutions",
    "at the start of an app with several services, a service with `restart` in its compose file is"
    " started again up to four times",
)  # fmt: skip
MEMORY = _row(
    "out-of-memory", _APP,
    "the engine recorded that it killed a process of the container at the memory limit",
    "every app has the same limit and must work within it",
)  # fmt: skip
DISK = _row(
    "too-much-written", _APP,
    "a container has written more than its share of the disk",
    "every app has the same limit and must work within it",
)  # fmt: skip
LOOPBACK = _row(
    "loopback-only", _APP,
    "the app listens on 127.0.0.1 of its own container alone, or for IPv6 alone",
    "no engine connects a published port to the container's loopback, and its network has no IPv6"
    " unless somebody sets it up",
    "looked at again until the start's time is over",
)  # fmt: skip
NEVER_ANSWERED = _row(
    "never-answered", _APP,
    "the app runs, and answered no HTTP request within the time for a start, on a calm host",
    "its processes had enough time and processor, and the reason names its open sockets",
    "more time is given while the host is loaded, the app keeps its processor busy, or its health"
    " check says `starting`",
)  # fmt: skip
LISTENER_GONE = _row(
    "listener-gone", _APP,
    "the container runs, but nothing listens on the app's port any more",
    "the process that served is gone: a living one would accept connections",
    "looked at again for some seconds: a server may restart itself",
)  # fmt: skip
UNREACHED = _row(
    "not-reached", _PLATFORM,
    "the app listens on a published port, but connections to the engine's side of it are refused",
    "the engine publishes ports: it runs on another machine, or its rules were removed",
)  # fmt: skip
TLS_ONLY = _row(
    "tls-only", _PLATFORM,
    "the app runs and speaks TLS on its port, no plain HTTP",
    "its users reach it by https, but we measure plain HTTP",
)  # fmt: skip
HANG = _row(
    "hang", _APP,
    "the app runs unchanged and gave no answer to several requests, 60 s and more in all, while its"
    " host was calm",
    "only the app itself kept it from answering",
    "asked again, longer each time; time on a loaded host or beside other connections does not"
    " count",
)  # fmt: skip
SILENT = _row(
    "silent", _PLATFORM,
    "the app runs unchanged and gave no answer: the host was loaded or its load is not known,"
    " somebody else was connected to the app, or the engine's side of an open port refused"
    " connections",
    "a slow app is not dead",
    "asked again, for two and a half minutes",
)  # fmt: skip
SLOW_START = _row(
    "slow-start", _PLATFORM,
    "the app did not answer within twice the time for a start, on a loaded host",
    "on a calm host it might have",
    "the containers stay, and a retry goes on waiting for them",
)  # fmt: skip
REMOVED = _row(
    "removed", _PLATFORM,
    "a container of the app is gone",
    "a container does not remove itself",
    "started again",
)  # fmt: skip
KILLED = _row(
    "killed-from-outside", _PLATFORM,
    "the engine recorded that somebody sent the container an ending signal before it ended",
    "the app did not end by itself",
    "started again",
)  # fmt: skip
KILLED_BY_NOBODY = _row(
    "killed-without-record", _PLATFORM,
    "SIGKILL or SIGTERM ended the app, and neither a memory limit nor a sender is on record",
    "the host's out-of-memory killer and a person look the same as an app that kills itself",
    "started again and measured once more; a second time in the same place it is the app's fault",
)  # fmt: skip
ENGINE_RESTARTED = _row(
    "engine-restarted", _PLATFORM,
    "the Docker daemon was started after the container",
    "no container survives that; only a recorded crash or memory limit would be the app's fault",
    "started again",
)  # fmt: skip
RESTARTED = _row(
    "restarted", _PLATFORM,
    "the container runs, but was stopped and started again",
    "its restart policy is `no`, so somebody else did",
    "started again",
)  # fmt: skip
PAUSED = _row(
    "paused", _PLATFORM,
    "the container is paused",
    "a container does not pause itself",
    "waited for, half a minute",
)  # fmt: skip
SANDBOX_GONE = _row(
    "sandbox-gone", _PLATFORM,
    "a confined process or its state folder is gone without an exit code",
    "its host or its sandbox was killed",
    "started again",
)  # fmt: skip
STAND_IN = _row(
    "stand-in", _PLATFORM,
    "a build or a start failed on a stand-in base image in a way that the stand-in may have caused:"
    " newer syntax, a missing library, tool or standard module, another distribution",
    "it may work on the image that it was written for",
)  # fmt: skip
NO_BASE_IMAGE = _row(
    "no-base-image", _PLATFORM,
    "a base image is neither local nor pullable, and no stand-in has its major version",
    "an app of another major version is another program",
)  # fmt: skip
UNSUPPORTED = _row(
    "not-supported", _PLATFORM,
    "a compose file or Dockerfile uses a feature that this engine's builder, or this platform, does"
    " not support (here-documents on an old engine, required build secrets), or is larger than this"
    " platform reads",
    "Docker Compose or a newer BuildKit would honour it",
)  # fmt: skip
SETTING_DROPPED = _row(
    "setting-dropped", _PLATFORM,
    "a compose file needs something that we do not provide and that could change the measurement:"
    " files outside of the app's folder or from the network, devices, several copies of a service,"
    " another container's namespaces, data made elsewhere, hooks",
    "without it the figures would be those of another app",
)  # fmt: skip
BEYOND_LIMITS = _row(
    "beyond-limits", _PLATFORM,
    "a compose file has more services than we run, mounts more of its own files than we copy, or"
    " needs more memory, time or output to be resolved than we allow",
    "the limit is this platform's, and Docker Compose has none",
)  # fmt: skip
NO_COMPOSE = _row(
    "no-compose", _PLATFORM,
    "Docker Compose is not installed, or nothing on this host can confine it",
    "only Docker Compose itself resolves compose files, and only where it sees nothing but the"
    " app's folder",
)  # fmt: skip
NO_KNOWN_START = _row(
    "no-known-start", _PLATFORM,
    "the app brings no Dockerfile, no compose file, and no framework that we can start",
    "we do not know how its author starts it",
)  # fmt: skip
NOT_HONOURED = _row(
    "not-honoured", _PLATFORM,
    "the app failed to start, and a setting that it may need was not honoured (host network,"
    " devices, capabilities, files of the host, variables of the host)",
    "it may work with the setting; an unrelated error stays the app's fault",
)  # fmt: skip
NETWORK_DENIED = _row(
    "network-denied", _PLATFORM,
    "the app failed to start after it asked for an address outside, which `egress: deny` closes",
    "it may work with a way out",
)  # fmt: skip
REGISTRY = _row(
    "registry-down", _PLATFORM,
    "a package registry did not answer during the build, or answered with a server error",
    "only a registry that answers can say that a version does not exist",
    "built again",
)  # fmt: skip
BUILD_KILLED = _row(
    "build-broken-off", _PLATFORM,
    "a build step was killed within its memory limit, or the engine broke the build off",
    "the step did not end by itself",
    "built again",
)  # fmt: skip
HOST_FULL = _row(
    "host-full", _PLATFORM,
    "a process of the app ended with an exit code of its own, and the disk that it writes to had no"
    " room left",
    "a process that cannot write fails, whoever filled the disk",
    "started again",
)  # fmt: skip
BUILD_ENGINE = _row(
    "engine-failed", _PLATFORM,
    "the engine failed to build or to start: a full disk, a driver, the container runtime",
    "the message is the engine's, not the app's",
    "tried again",
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    APP_FILES, BUILD_FAILED, BUILD_MEMORY, COMMAND_MISSING, EXIT, MEMORY, DISK, LOOPBACK,
    NEVER_ANSWERED, UNREACHED, TLS_ONLY, LISTENER_GONE, HANG, SILENT, SLOW_START, REMOVED, KILLED,
    KILLED_BY_NOBODY, ENGINE_RESTARTED, RESTARTED, PAUSED, SANDBOX_GONE, STAND_IN, NO_BASE_IMAGE,
    UNSUPPORTED, SETTING_DROPPED, BEYOND_LIMITS, NO_COMPOSE, NO_KNOWN_START, NOT_HONOURED,
    NETWORK_DENIED, REGISTRY, BUILD_KILLED, HOST_FULL, BUILD_ENGINE,
)  # fmt: skip

# No retry cures these: somebody has to do something first. A full disk may be freed meanwhile.
_CODES = {
    STAND_IN.key: ErrorCode.FAILED_PRECONDITION,
    NO_BASE_IMAGE.key: ErrorCode.FAILED_PRECONDITION,
    UNSUPPORTED.key: ErrorCode.FAILED_PRECONDITION,
    SETTING_DROPPED.key: ErrorCode.FAILED_PRECONDITION,
    BEYOND_LIMITS.key: ErrorCode.FAILED_PRECONDITION,
    NO_COMPOSE.key: ErrorCode.FAILED_PRECONDITION,
    NO_KNOWN_START.key: ErrorCode.FAILED_PRECONDITION,
    UNREACHED.key: ErrorCode.FAILED_PRECONDITION,
    TLS_ONLY.key: ErrorCode.FAILED_PRECONDITION,
    NOT_HONOURED.key: ErrorCode.FAILED_PRECONDITION,
    NETWORK_DENIED.key: ErrorCode.FAILED_PRECONDITION,
    HOST_FULL.key: ErrorCode.RESOURCE_EXHAUSTED,
    BUILD_ENGINE.key: ErrorCode.RESOURCE_EXHAUSTED,
}


def fault(row: Row, phase: Phase, reason: str, log: str = "") -> AppFault | PlatformFault:
    """The exception for what `row` describes. The row says who is at fault."""
    if row.state is MeasurementState.APP_FAILED:
        return AppFault(phase, reason, row.key, log)
    return PlatformFault(_CODES.get(row.key, ErrorCode.UNAVAILABLE), reason, row.key)
