"""Results of benches as JSON with the facts of the machine, so that two of them can be judged.

A file per run, in `bench/results/` or in the folder that `ASSAY_BENCH_RESULTS` names.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "ASSAY_BENCH_RESULTS"
FORM = 1
"""Of the file: another number, another form."""


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

    def __init__(self, file: str, argv: list[str] | None = None) -> None:
        self._name = Path(file).stem
        self._began = datetime.now(UTC)
        self._facts = {
            "form": FORM,
            "bench": self._name,
            "argv": sys.argv[1:] if argv is None else argv,
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
