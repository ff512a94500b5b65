"""Keeps one tool's processes together, however the analyzer or the tool ends.

Run by path as its own small program (standard library only, isolated mode): it becomes the
subreaper of everything the tool starts, so that daemons and orphans cannot leave. When the tool
exits, when the analyzer asks, or when the analyzer is gone (its end of the control pipe closes,
also after kill -9), every descendant is killed and reaped before the warden exits.

    warden.py CONTROL_FD STATUS_FD FILE_LIMIT_BYTES ARGV...

Control: one byte `t` sends SIGTERM to every descendant; end of file kills. Status: one JSON line
`{"exit_code": N, "cpu_s": S}` (negative exit code: signal number) or `{"error": "..."}`.
"""

import ctypes
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` and `json` would take as long to import as all the rest
if TYPE_CHECKING:
    from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_EXEC_FAILED = 127


def _ignore(_number: int, _frame: object) -> None:
    """A handler that only interrupts `select`; SIG_IGN would be inherited by the tool."""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def descendants() -> list[int]:
    """Process IDs below this process, from one scan of /proc."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stat:
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found: list[int] = []
    queue = [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _signal_all(number: int) -> None:
    for pid in descendants():
        try:
            os.kill(pid, number)
        except OSError:
            continue


def _kill_and_reap() -> None:
    """Orphans are children of this process: with no child left, nothing is left at all."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        _signal_all(signal.SIGKILL)
        time.sleep(0.005)


def _exec(argv: list[str], error_fd: int, file_limit: int) -> "NoReturn":
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(argv[0], argv)  # noqa: S606
    except OSError as error:
        os.write(error_fd, (error.strerror or "cannot start").encode())
    os._exit(_EXEC_FAILED)


def _start(argv: list[str], file_limit: int) -> tuple[int, str]:
    """Process ID of the tool, and why it did not start (empty: it did)."""
    error_read, error_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _exec(argv, error_write, file_limit)
    os.close(error_write)
    with os.fdopen(error_read, "rb") as errors:
        return pid, errors.read().decode()


def _reap(pid: int) -> int | None:
    """Reaps whatever ended; the tool's own wait status once it is among them."""
    found = None
    try:
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                return found
            if ended == pid:
                found = status
    except ChildProcessError:
        return found


def _watch(pid: int, control_fd: int, wakeup_fd: int) -> int:
    """Waits for the tool's end or for the analyzer's word; the tool's exit code."""
    while True:
        status = _reap(pid)
        if status is not None:
            return os.waitstatus_to_exitcode(status)
        ready, _, _ = select.select([control_fd, wakeup_fd], [], [])
        if wakeup_fd in ready:
            os.read(wakeup_fd, 512)
        if control_fd in ready:
            if not os.read(control_fd, 1):
                return -signal.SIGKILL
            _signal_all(signal.SIGTERM)


def main() -> None:
    """Run one tool and report how it ended."""
    control_fd, status_fd, file_limit = (int(value) for value in sys.argv[1:4])
    for inherited in (control_fd, status_fd):
        os.set_inheritable(inherited, False)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, _ignore)
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    pid, error = _start(sys.argv[4:], file_limit)
    ending = f'"error": "{error}"'  # the system's own words: nothing in them needs an escape
    if not error:
        ending = f'"exit_code": {_watch(pid, control_fd, wakeup_read)}'
    _kill_and_reap()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    status = f'{{{ending}, "cpu_s": {usage.ru_utime + usage.ru_stime:.3f}}}'
    os.write(status_fd, status.encode())


if __name__ == "__main__":
    main()
