"""Writes large reports in other forms: seconds, sizes, and the most memory that it takes.

    python bench/bench_forms.py [--apps 10000] [--findings 100]

Each app is made when it is asked for and forgotten afterwards, as documents on a disk are read; so
the memory is that of the forms. Each form runs in a process of its own.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.recording import recorded
from contract.analysis import Location, Severity
from contract.spec import AppRef
from contract.weakness import Weakness
from control.form_artifacts import parquet_files
from reports.forms.defectdojo import defectdojo
from reports.forms.junit import junit
from reports.forms.markdown import markdown
from reports.model import AppReport, FleetReport
from reports.sarif_fleet import FleetSarif
from reports.tables.cells import CELLS
from reports.tables.schema import OneApp
from reports.tables.sheet import csv_lines
from tests.support.whole_report import whole
from tests.unit import report_samples as samples

Form = Callable[[FleetReport, Iterator[AppReport], Path], int]
_MIB = 1024 * 1024


def apps_of(like: AppReport, apps: int, findings: int) -> Iterator[AppReport]:
    """Apps with so many findings each."""
    for number in range(apps):
        found = tuple(_weakness(number, at) for at in range(findings))
        ref = AppRef(model=f"vendor/model-{number % 10}", app_number=number // 10 + 1)
        yield like.model_copy(update={"ref": ref, "weaknesses": found})


def _weakness(number: int, at: int) -> Weakness:
    place = Location(path=f"backend/views_{at}.py", line=at + 1)
    severity = list(Severity)[(number + at) % 5]
    found = samples.finding("bandit", f"B{at % 40}", severity, 89, place, "a query of text " * 4)
    unique = {"fingerprint": f"v2-{number:08x}{at:08x}"}
    return Weakness(finding=found.model_copy(update=unique), family="sql-injection")


def _sarif(report: FleetReport, apps: Iterator[AppReport], folder: Path) -> int:
    fleet = FleetSarif(report.pipeline.id, "fleet")
    for app in apps:
        fleet.add(app)
    return len(fleet.result() or b"")


def _parquet(report: FleetReport, apps: Iterator[AppReport], folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in parquet_files(report, apps, folder))


def _csv(report: FleetReport, apps: Iterator[AppReport], folder: Path) -> int:
    return sum(len(csv_lines(CELLS, OneApp(app))) for app in apps)


FORMS: dict[str, Form] = {
    "cells.csv": _csv,
    "parquet": _parquet,
    "fleet.github.sarif": _sarif,
    "junit": lambda report, apps, _: sum(map(len, junit(report, apps))),
    "defectdojo": lambda report, apps, _: sum(map(len, defectdojo(report, apps, "assay"))),
    "markdown": lambda report, _, __: len(markdown(report)),
    "(making the apps)": lambda _, apps, __: sum(1 for _app in apps),
}


def measure(form: str, apps: int, findings: int) -> tuple[float, float, float]:
    """Seconds, MiB written, and the most MiB of memory."""
    made = whole(samples.fleet(), samples.NOW)
    like = made.app(samples.HAIKU_1)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        size = FORMS[form](made.fleet, apps_of(like, apps, findings), Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - began, size / _MIB, peak


def main() -> None:
    """Print a line per form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=10_000)
    parser.add_argument("--findings", type=int, default=100)
    asked = parser.parse_args()
    print(f"{asked.apps:,} apps, {asked.apps * asked.findings:,} findings")
    for form in FORMS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, size, peak = pool.apply(measure, (form, asked.apps, asked.findings))
        print(f"{form:20} {seconds:7.1f} s {size:9.2f} MiB written, peak {peak:6.0f} MiB")


if __name__ == "__main__":
    recorded(__file__, main)
