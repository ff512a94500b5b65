"""Runs a Python program several times but loads it once: each run is a separate process.

    python forked.py JOB ARGUMENT...  <MORE_ARGUMENTS

The interpreter of the program's own environment executes it, so it needs only the standard library.
JOB is a JSON object (see `Job`); the arguments are common to all runs. Further arguments come as a
JSON list on standard input, where no list of processes shows them. The results of the runs are
written to the file that the job names; no run begins after the job's time. The output of a run goes
to `NAME.log`.
"""

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn, TypedDict

_POLL_S = 0.02


class Run(TypedDict):
    """One run.

    Attributes:
        name: also the name of its log.
        arguments: put behind the common ones.
        limit_s: then its processes are killed.
    """

    name: str
    arguments: list[str]
    limit_s: float


class Job(TypedDict):
    """What to run.

    Attributes:
        module, function: called without arguments, once `sys.argv` is set.
        limit_s: no run begins later than this.
        ended: file for the results of the runs, a list of `Ended`.
    """

    module: str
    function: str
    limit_s: float
    ended: str
    runs: list[Run]


class Ended(TypedDict):
    """The result of one run.

    Attributes:
        exit_code: negative: killed by that signal; None: it never began.
    """

    name: str
    exit_code: int | None
    spent_s: float


def main() -> None:
    """Run the job."""
    job: Job = json.loads(sys.argv[1])
    sys.argv += json.loads(sys.stdin.read() or "[]")
    function = getattr(importlib.import_module(job["module"]), job["function"])
    began_s = time.monotonic()
    ended: list[Ended] = []
    for run in job["runs"]:
        if time.monotonic() - began_s >= job["limit_s"]:
            ended.append({"name": run["name"], "exit_code": None, "spent_s": 0.0})
            continue
        ended.append(_run(run, function))
    Path(job["ended"]).write_text(json.dumps(ended), encoding="utf-8")


def _run(run: Run, function: Any) -> Ended:
    began_s = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(run, function)
    code = _waited(child, began_s + run["limit_s"])
    spent_s = round(time.monotonic() - began_s, 3)
    return {"name": run["name"], "exit_code": code, "spent_s": spent_s}


def _child(run: Run, function: Any) -> NoReturn:
    """Run the program as if it had been started alone."""
    os.setpgid(0, 0)
    out = os.open(f"{run['name']}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = [run["name"], *sys.argv[2:], *run["arguments"]]
    code = 1
    try:
        function()
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _waited(child: int, end_s: float) -> int:
    """Its exit code; after its time it is killed with its whole process group."""
    while time.monotonic() < end_s:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_POLL_S)
    os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
