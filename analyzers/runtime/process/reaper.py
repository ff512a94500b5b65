"""Keeps each tool's processes together, however the analyzer or the tool ends.

Run by path as its own small program (standard library only, isolated mode), once per analyzer:

    reaper.py SOCKET_FD

The program is a fork server: it forks once for each message on the socket. A fork takes a tenth of
the time that an interpreter takes to start. Each fork is the reaper of one command: the kernel
makes it the parent of every orphan among the tool's processes (`PR_SET_CHILD_SUBREAPER`), so that
none can leave. It kills and reaps all of them when the tool exits, when the analyzer asks for it,
or when the analyzer is gone (then its end of the control pipe closes, also after kill -9). The
program ends with the socket; reapers at work do not need it.

A message brings descriptors, in the order of `FDS`. The first holds the limit of file sizes in
bytes, the number of arguments, the arguments, and the environment as NAME=VALUE, each ended by NUL.

Control: one byte `t` sends SIGTERM to every descendant; end of file kills. Status: one JSON line
`{"exit_code": N, "cpu_s": S}` (negative exit code: signal number), or `{"error": "..."}` why the
tool did not start, or `{"fault": "..."}` why there is no reaper.
"""

import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False  # `typing` and `json` would take as long to import as all the rest
if TYPE_CHECKING:
    from typing import NoReturn

FDS = ("request", "control", "status", "stdin", "stdout", "stderr", "folder")
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_EXEC_FAILED = 127
_LIBC = ctypes.CDLL(None)


def _ignore(_number: int, _frame: object) -> None:
    """A handler that only interrupts `select`; SIG_IGN would be inherited by the tool."""


def _prctl(option: int, value: int) -> None:
    _LIBC.prctl(option, value, 0, 0, 0)


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
    """Kill until no child is left: orphans are children of this process, too."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        _signal_all(signal.SIGKILL)
        time.sleep(0.005)


def _exec(argv: list[bytes], env: dict[bytes, bytes], error_fd: int, file_limit: int) -> "NoReturn":
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
        os.execvpe(argv[0], argv, env)  # noqa: S606
    except OSError as error:
        os.write(error_fd, (error.strerror or "cannot start").encode())
    os._exit(_EXEC_FAILED)


def _start(argv: list[bytes], env: dict[bytes, bytes], file_limit: int) -> tuple[int, str]:
    """Process ID of the tool, and why it did not start (empty: it did)."""
    error_read, error_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _exec(argv, env, error_write, file_limit)
    os.close(error_write)
    with os.fdopen(error_read, "rb") as errors:
        return pid, errors.read().decode()


def _reap(pid: int) -> int | None:
    """Reap what has ended; the tool's wait status if the tool is among it, else None."""
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
    """Wait for the tool's end, passing on what the analyzer asks; the tool's exit code."""
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


def _keep(request: int, control_fd: int, status_fd: int) -> None:
    """Run one tool and report how it ended."""
    with os.fdopen(request, "rb") as message:
        file_limit, count, *words = message.read().split(b"\0")[:-1]
    argv, settings = words[: int(count)], words[int(count) :]
    env = dict(setting.split(b"=", 1) for setting in settings)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, _ignore)
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    pid, error = _start(argv, env, int(file_limit))
    ending = f'"error": "{error}"'  # a text of the operating system: it needs no escapes
    if not error:
        ending = f'"exit_code": {_watch(pid, control_fd, wakeup_read)}'
    _kill_and_reap()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    status = f'{{{ending}, "cpu_s": {usage.ru_utime + usage.ru_stime:.3f}}}'
    os.write(status_fd, status.encode())


def _become_reaper(fds: list[int]) -> "NoReturn":
    """Be the reaper, in a session of its own. Its streams are those of the tool."""
    request, control_fd, status_fd, *streams, folder = fds
    try:
        for fd in fds:  # `recv_fds` does not pass on its flags
            os.set_inheritable(fd, False)
        os.setsid()
        os.fchdir(folder)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _keep(request, control_fd, status_fd)
    except BaseException as error:
        _kill_and_reap()
        os.write(status_fd, f'{{"fault": "{type(error).__name__}"}}'.encode())
    finally:
        os._exit(0)


def _reap_reapers(_number: int, _frame: object) -> None:
    _reap(0)


def serve(requests: socket.socket) -> None:
    """Fork a reaper for each message, until the analyzer is gone."""
    signal.signal(signal.SIGCHLD, _reap_reapers)
    os.get_exec_path()  # imports what `os.execvpe` would import in each fork
    gc.freeze()
    while True:
        message, fds, _, _ = socket.recv_fds(requests, 1, len(FDS))
        if not message:
            return
        try:
            if len(fds) == len(FDS) and os.fork() == 0:
                requests.close()
                _become_reaper(fds)
        except OSError as error:
            os.write(fds[FDS.index("status")], f'{{"fault": "{error.strerror}"}}'.encode())
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
