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
    "the app's own files name nothing that can be run: an empty folder, no valid compose file,"
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
    "the limit is part of what an app must do with, and is the same for all",
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
    "an exit is the one proof of a death, and its log has nothing to do with what we substituted",
    "at the start of an app of several services started again up to four times, where its compose"
    " file has a `restart`",
)  # fmt: skip
MEMORY = _row(
    "out-of-memory", _APP,
    "the engine has it on record that a process of the container was killed at the memory limit",
    "the limit is part of what an app must do with, and is the same for all",
)  # fmt: skip
DISK = _row(
    "too-much-written", _APP,
    "a container has written more than its share of the disk",
    "the limit is part of what an app must do with, and is the same for all",
)  # fmt: skip
LOOPBACK = _row(
    "loopback-only", _APP,
    "the app listens on 127.0.0.1 of its own container alone, or for IPv6 alone",
    "a published port does not reach the container's loopback on any engine, and its network has no"
    " IPv6 unless somebody sets it up",
    "looked at again until the start's time is over",
)  # fmt: skip
NEVER_ANSWERED = _row(
    "never-answered", _APP,
    "the app runs, and answered no HTTP request within the time for a start, on a calm host",
    "its processes had the time and the processor, and its open sockets are named",
    "more time is given while the host is loaded, the app keeps its processor busy, or its health"
    " check says `starting`",
)  # fmt: skip
LISTENER_GONE = _row(
    "listener-gone", _APP,
    "the container runs, but nothing listens on the app's port any more",
    "the process that served is gone: only one that is there accepts connections",
    "looked at again for some seconds: a server may restart itself",
)  # fmt: skip
UNREACHED = _row(
    "not-reached", _PLATFORM,
    "the app listens on a published port, and where its engine publishes it connections are"
    " refused",
    "publishing is the engine's: it is another machine's, or its rules were taken away",
)  # fmt: skip
TLS_ONLY = _row(
    "tls-only", _PLATFORM,
    "the app runs and speaks TLS on its port, no plain HTTP",
    "its users would reach it by https, and we measure plain HTTP",
)  # fmt: skip
HANG = _row(
    "hang", _APP,
    "the app runs unchanged and gave no answer to several requests, 60 s and more in all, while its"
    " host was calm",
    "nothing but the app itself kept it from answering",
    "asked again, longer each time; time on a loaded host or beside other connections does not"
    " count",
)  # fmt: skip
SILENT = _row(
    "silent", _PLATFORM,
    "the app runs unchanged and gave no answer, on a loaded host, on one whose load is not known,"
    " while somebody else was connected to it, or while its engine's publication of an open port"
    " refused connections",
    "slow is not dead",
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
    "started anew",
)  # fmt: skip
KILLED = _row(
    "killed-from-outside", _PLATFORM,
    "the engine has it on record that somebody sent the container a signal that ends it, before it"
    " ended",
    "the app did not end by itself",
    "started anew",
)  # fmt: skip
KILLED_BY_NOBODY = _row(
    "killed-without-record", _PLATFORM,
    "SIGKILL or SIGTERM ended the app, and neither a memory limit nor a sender is on record",
    "the host's out-of-memory killer or somebody's hand looks the same as an app that kills itself",
    "started anew and measured once more; what comes again in the same place is the app's",
)  # fmt: skip
ENGINE_RESTARTED = _row(
    "engine-restarted", _PLATFORM,
    "the Docker daemon was started after the container",
    "no container outlives that; only a crash or a memory limit on record would be the app's",
    "started anew",
)  # fmt: skip
RESTARTED = _row(
    "restarted", _PLATFORM,
    "the container runs, but was stopped and started again",
    "its restart policy is `no`, so somebody else did",
    "started anew",
)  # fmt: skip
PAUSED = _row(
    "paused", _PLATFORM,
    "the container is paused",
    "a container does not pause itself",
    "waited for, half a minute",
)  # fmt: skip
SANDBOX_GONE = _row(
    "sandbox-gone", _PLATFORM,
    "a confined process is gone without an exit code, or its state folder is",
    "its host or its sandbox was killed",
    "started anew",
)  # fmt: skip
STAND_IN = _row(
    "stand-in", _PLATFORM,
    "a build or a start failed on a stand-in base image in a way that the stand-in may have caused:"
    " newer syntax, a missing library, tool or standard module, another distribution",
    "on the image it was written for it may work",
)  # fmt: skip
NO_BASE_IMAGE = _row(
    "no-base-image", _PLATFORM,
    "a base image is neither local nor pullable, and no stand-in has its major version",
    "an app of another major version is another program",
)  # fmt: skip
UNSUPPORTED = _row(
    "not-supported", _PLATFORM,
    "a compose file or Dockerfile uses what this engine's builder, or this platform, does not know"
    " (here-documents on an old engine, required build secrets), or is larger than this platform"
    " takes",
    "Docker Compose or a newer BuildKit would honour it",
)  # fmt: skip
SETTING_DROPPED = _row(
    "setting-dropped", _PLATFORM,
    "a compose file asks for what is not given here and could change what is measured: files"
    " outside of the app's folder or from the network, devices, several copies of a service,"
    " another container's namespaces, data made elsewhere, hooks",
    "without it the figures would be those of another app",
)  # fmt: skip
BEYOND_LIMITS = _row(
    "beyond-limits", _PLATFORM,
    "a compose file has more services than are run here, mounts more of its own files than are"
    " copied, or takes more memory, time or output to be resolved than is given",
    "the limit is this platform's, and Docker Compose has none",
)  # fmt: skip
NO_COMPOSE = _row(
    "no-compose", _PLATFORM,
    "Docker Compose is not installed, or nothing on this host can confine it",
    "compose files are resolved by Docker Compose itself, and never where they see more than the"
    " app's folder",
)  # fmt: skip
NO_KNOWN_START = _row(
    "no-known-start", _PLATFORM,
    "the app brings no Dockerfile, no compose file, and no framework that we can start",
    "its author starts it in a way that we do not know",
)  # fmt: skip
NOT_HONOURED = _row(
    "not-honoured", _PLATFORM,
    "the app failed to start, and a setting that it may need was not honoured (host network,"
    " devices, capabilities, files of the host, variables of the host)",
    "with the setting it may work; an error that has nothing to do with it stays the app's",
)  # fmt: skip
NETWORK_DENIED = _row(
    "network-denied", _PLATFORM,
    "the app failed to start after it asked for an address outside, which `egress: deny` closes",
    "with a way out it may work",
)  # fmt: skip
REGISTRY = _row(
    "registry-down", _PLATFORM,
    "a package registry did not answer during the build, or answered with a server error",
    "that a version does not exist is only known from a registry that answers",
    "built again",
)  # fmt: skip
BUILD_KILLED = _row(
    "build-broken-off", _PLATFORM,
    "a build step was killed within its memory limit, or the engine broke the build off",
    "the step did not end by itself",
    "built again",
)  # fmt: skip
BUILD_ENGINE = _row(
    "engine-failed", _PLATFORM,
    "the engine failed to build or to start: a full disk, a driver, the container runtime",
    "these are the engine's own words, none of the app's",
    "tried again",
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    APP_FILES, BUILD_FAILED, BUILD_MEMORY, COMMAND_MISSING, EXIT, MEMORY, DISK, LOOPBACK,
    NEVER_ANSWERED, UNREACHED, TLS_ONLY, LISTENER_GONE, HANG, SILENT, SLOW_START, REMOVED, KILLED,
    KILLED_BY_NOBODY, ENGINE_RESTARTED, RESTARTED, PAUSED, SANDBOX_GONE, STAND_IN, NO_BASE_IMAGE,
    UNSUPPORTED, SETTING_DROPPED, BEYOND_LIMITS, NO_COMPOSE, NO_KNOWN_START, NOT_HONOURED,
    NETWORK_DENIED, REGISTRY, BUILD_KILLED, BUILD_ENGINE,
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
    BUILD_ENGINE.key: ErrorCode.RESOURCE_EXHAUSTED,
}


def fault(row: Row, phase: Phase, reason: str, log: str = "") -> AppFault | PlatformFault:
    """The exception for what `row` describes. The row says who is at fault."""
    if row.state is MeasurementState.APP_FAILED:
        return AppFault(phase, reason, row.key, log)
    return PlatformFault(_CODES.get(row.key, ErrorCode.UNAVAILABLE), reason, row.key)
