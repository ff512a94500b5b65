"""The report of fleets of growing size: seconds, peak memory, sizes of its files.

    python bench/bench_report.py [--fleet-only] [4 30 300 3000 10000]

`--fleet-only` makes no files of single apps, which take most of the time and none of the memory.

Records are computed when they are asked for (36 cells and about 60 findings an app), so memory is
that of the report alone. Each size runs in a process of its own, because a peak never goes down.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Collection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from activities.report_writing import ReportWriting
from bench.recording import recorded
from clients.report_writer import FileReportWriter
from contract.errors import ErrorCode, PlatformError
from contract.record import CellState, PipelineRecord
from contract.spec import AppRef
from reports.files import ReportFiles
from tests.support.large_report import keys_of, part_of

SIZES = (4, 30, 300, 3_000, 10_000)
MODELS = 10
_MIB = 1024 * 1024


class Generated:
    """A store of a fleet that is computed on demand."""

    def __init__(self, apps: int) -> None:
        models = min(MODELS, max(2, apps // 10))
        self.keys = keys_of(models, apps // models)

    async def load_header(self, pipeline_id: str) -> None:
        """There is none."""
        raise PlatformError(ErrorCode.NOT_FOUND, "no plan")

    async def suppressions(self, pipeline_ids: Collection[str]) -> list[Any]:
        """There are none."""
        return []

    async def load_outline(self, pipeline_id: str, app: AppRef | None = None) -> PipelineRecord:
        """The apps without their cells."""
        return part_of(self.keys, cells=False)

    async def cells_overview(self, pipeline_id: str) -> AsyncGenerator[list[CellState]]:
        """One app after another."""
        for key, index in self.keys.items():
            yield [CellState.of(cell) for cell in part_of({key: index}).cells]

    async def load_apps(self, pipeline_id: str, only: Collection[AppRef]) -> PipelineRecord:
        """Some apps, whole."""
        keys = ((ref.model, ref.app_number) for ref in only)
        return part_of({key: self.keys[key] for key in keys})

    async def replace_weaknesses(
        self, pipeline_id: str, ref: AppRef, weaknesses: Any, made_of: Any = None
    ) -> None:
        """Keeps none."""
        return


class NoArtifacts:
    """Has no logs."""

    async def get(self, ref: Any) -> bytes:
        """Not here."""
        raise PlatformError(ErrorCode.NOT_FOUND, "gone")


def peak_mib() -> float:
    """The most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(apps: int) -> dict[str, Any]:
    """The figures of one report."""
    import reports.study.build  # noqa: F401 (its weight is not that of the fleet)

    before, began = peak_mib(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results: Any = Generated(apps)
        artifacts: Any = NoArtifacts()
        writing = ReportWriting(results, FileReportWriter(Path(folder)), artifacts)
        asyncio.run(writing.write("large", lambda _: None))
        took_s = time.monotonic() - began
        files = [path for path in (Path(folder) / "large").rglob("*") if path.is_file()]
        sizes = {path.name: path.stat().st_size for path in files if path.parent.name == "large"}
        return {
            "apps": len(results.keys),
            "seconds": round(took_s, 1),
            "peak_mib": round(peak_mib()),
            "of_which_before_mib": round(before),
            "html_mib": round(sizes["report.html"] / _MIB, 2),
            "json_mib": round(sizes["report.json"] / _MIB, 2),
            "csv_mib": round(sizes["cells.csv"] / _MIB, 2),
            "files": len(files),
            "all_mib": round(sum(path.stat().st_size for path in files) / _MIB, 1),
        }


def main() -> None:
    """Print a line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--alone", action="store_true", help="in this process")
    parser.add_argument("--fleet-only", action="store_true", help="no files of single apps")
    given = parser.parse_args()
    if given.fleet_only:
        ReportFiles.of_app = lambda *_: iter(())
    for apps in given.sizes:
        if given.alone:
            print(json.dumps(measure(apps)), flush=True)
        else:
            only = ["--fleet-only"] if given.fleet_only else []
            command = [sys.executable, __file__, "--alone", *only, str(apps)]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    recorded(__file__, main)
