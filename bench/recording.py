"""Results of benches as JSON with the facts of the machine, so that two of them can be judged.

A file per run, in `bench/results/` or in the folder that `BENCH_RESULTS` names.
"""

import contextlib
import io
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TextIO

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "BENCH_RESULTS"
FORM = 1
"""Of the file: another number, another form."""
_CHILD = "BENCH_CHILD"


def machine() -> dict[str, Any]:
    """What a figure depends on beside the code."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_at_begin": round(os.getloadavg()[0], 2),
    }


def commit(root: Path = ROOT) -> dict[str, Any]:
    """Which code it was: `dirty` if files differ from the commit; empty: no repository."""
    head = _git(root, "rev-parse", "HEAD")
    return {"commit": head, "dirty": bool(_git(root, "status", "--porcelain", "-uno"))}


class Recording:
    """One run of a bench; made when it begins, written when it ends."""

    def __init__(self, file: str) -> None:
        """Take the facts of the machine now: later they are those of the bench itself."""
        self._name = Path(file).stem
        self._began = datetime.now(UTC)
        self._facts = {
            "form": FORM,
            "bench": self._name,
            "argv": sys.argv[1:],
            "date": self._began.isoformat(timespec="seconds"),
            "code": commit(),
            "machine": machine(),
        }

    def write(self, result: Any) -> Path:
        """Keep what was measured; where it is kept."""
        folder = Path(os.environ.get(FOLDER) or ROOT / "bench/results")
        folder.mkdir(parents=True, exist_ok=True)
        seconds = (datetime.now(UTC) - self._began).total_seconds()
        path = folder / f"{self._name}-{self._began:%Y%m%dT%H%M%S%f}-{os.getpid()}.json"
        document = {**self._facts, "seconds": round(seconds, 2), "result": result}
        path.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
        return path


def recorded(file: str, main: Callable[[], int | None]) -> NoReturn:
    """Run a bench, keep what it prints, and end with its exit code.

    JSON among it is kept as such. Processes that the bench starts from its own file keep nothing.
    """
    if os.environ.get(_CHILD):
        sys.exit(main())
    os.environ[_CHILD] = "1"
    recording, printed = Recording(file), _Tee(sys.stdout)
    code: Any = 1
    try:
        with contextlib.redirect_stdout(printed):
            code = main() or 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        text = printed.text.getvalue()
        kept = recording.write({"exit": code, "figures": documents(text), "printed": text})
        print(f"kept in {kept}", file=sys.stderr)
    sys.exit(code)


def documents(text: str) -> list[Any]:
    """The JSON documents that begin a line, in order."""
    found: list[Any] = []
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at] in "{[":
            with contextlib.suppress(ValueError):
                value, at = decoder.raw_decode(text, at)
                found.append(value)
        at = text.find("\n", at) + 1 or len(text)
    return found


class _Tee(io.TextIOBase):
    """Writes through, and keeps it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.text = io.StringIO()

    def write(self, text: str) -> int:
        self.text.write(text)
        return self._out.write(text)

    def flush(self) -> None:
        self._out.flush()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
