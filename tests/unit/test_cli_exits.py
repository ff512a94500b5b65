"""The exit code tells how a pipeline ended; scripts build on the table."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.app import app
from cli.commands.watch import _of_report
from cli.exits import Exit
from cli.printed import OF_COMMAND
from cli.verdict import of_phase, verdict
from contract.analysis import Coverage, MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.progress import PipelinePhase
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.spec import AppRef
from control.errors import DamagedReportError
from control.reports import read_report, report_path
from reports.model import FleetReport
from settings import Settings
from tests.support.whole_report import whole

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
COVERED = Coverage(unit="files", reached=1, given=1)
# Stands for any command: it waits to be ended, and cleans up after itself.
WAITING = """
import asyncio
from cli.command import Commands, run
import typer
from cli.signals import end_by_signal
from tests.support.whole_report import Whole, whole
end_by_signal()
app = typer.Typer(cls=Commands)
async def job(settings):
    try:
        print("ready", flush=True)
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        print("cleaned up", flush=True)
        raise
@app.command()
def wait():
    run(job)
@app.command()
def other():
    pass
app(["wait"])
"""


def _report(tool: str, state: MeasurementState, lacks_source: bool) -> ToolReport:
    if state is MeasurementState.MEASURED:
        return ToolReport(tool=tool, state=state, coverage=COVERED)
    lacks = lacks_source and state is MeasurementState.INFRA_FAILED
    return ToolReport(tool=tool, state=state, reason="it is so", lacks_source=lacks)


def report(
    state: str = "completed",
    *cells: str,
    app: str | None = "measured",
    lacks_source: bool = False,
) -> FleetReport:
    """A report of one app with these cells."""
    ref = AppRef(model="m", app_number=1)
    record = PipelineRecord(
        pipeline_id="p",
        state=state,
        apps=(AppRecord(ref=ref),),
        cells=tuple(
            CellRecord(
                ref=ref,
                analyzer=AnalyzerKind.STATIC,
                report=_report(f"tool{n}", MeasurementState(cell), lacks_source),
            )
            for n, cell in enumerate(cells)
        ),
    )
    document = whole(record, NOW).fleet
    (only,) = document.apps
    ended = only.model_copy(update={"state": MeasurementState(app) if app else None})
    return document.model_copy(update={"apps": (ended,)})


@pytest.mark.parametrize(
    ("document", "code", "strict"),
    [
        (report("completed", "measured"), Exit.OK, Exit.OK),
        (report("completed", "measured", "app_failed"), Exit.OK, Exit.OK),
        (report("completed", "measured", "not_applicable"), Exit.OK, Exit.OK),
        (report("completed", "measured", "infra_failed"), Exit.OK, Exit.INCOMPLETE),
        (report("completed", "app_failed"), Exit.NOTHING_MEASURED, Exit.NOTHING_MEASURED),
        (report("completed", "infra_failed"), Exit.NOTHING_MEASURED, Exit.NOTHING_MEASURED),
        (report("completed", "not_applicable"), Exit.NOTHING_MEASURED, Exit.NOTHING_MEASURED),
        (report("completed"), Exit.FAILED, Exit.FAILED),
        (report("completed", "measured", app=None), Exit.FAILED, Exit.FAILED),
        (report("cancelled", "measured"), Exit.CANCELLED, Exit.CANCELLED),
        (report("cancelled"), Exit.CANCELLED, Exit.CANCELLED),
        (report("failed", "measured"), Exit.FAILED, Exit.FAILED),
    ],
)
def test_a_report_deserves_its_code(document: FleetReport, code: Exit, strict: Exit) -> None:
    assert verdict(document) is code
    assert verdict(document, strict=True) is strict


def test_a_source_outside_that_gave_no_answer_is_no_lack() -> None:
    document = report("completed", "measured", "infra_failed", lacks_source=True)
    assert verdict(document, strict=True) is Exit.OK


def test_a_report_whose_cell_has_no_state_is_damaged(tmp_path: Path) -> None:
    document = report("completed", "measured").model_dump(mode="json")
    document["apps"][0]["state"] = "odd"
    path = report_path(tmp_path, "p", "json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    settings = Settings(_env_file=None, data=tmp_path)

    with pytest.raises(DamagedReportError, match=r"apps\.0\.state"):
        read_report(tmp_path, "p")
    assert _of_report(settings, "p", strict=False) is Exit.FAILED


def test_only_a_completed_pipeline_is_a_success() -> None:
    ended = (PipelinePhase.COMPLETED, PipelinePhase.CANCELLED, PipelinePhase.FAILED)

    assert [of_phase(phase) for phase in ended] == [Exit.OK, Exit.CANCELLED, Exit.FAILED]


def test_each_code_is_one_number_with_one_meaning() -> None:
    assert len({code.meaning for code in Exit}) == len({int(code) for code in Exit}) == len(Exit)
    assert [code for code in Exit if not code] == [Exit.OK]


def test_each_command_that_prints_json_says_which_document() -> None:
    group: Any = get_command(app)
    with_json = {
        name
        for name, command in group.commands.items()
        if any(parameter.name == "as_json" for parameter in command.params)
    }

    assert OF_COMMAND.keys() - {"schema"} == with_json
    assert group.commands.keys() - with_json == {"schema", "codec", "dashboard"}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_in_the_background_of_a_script_ends_as_by_ctrl_c(
    sent: signal.Signals, tmp_path: Path
) -> None:
    env = {**os.environ, "ASSAY_DATA": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What a shell without job control does for `command &`.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"

    process.send_signal(sent)
    out, err = process.communicate(timeout=60)

    assert process.returncode == Exit.INTERRUPTED
    assert (out, err) == ("cleaned up\n", "interrupted\n")


def test_nohup_keeps_its_word() -> None:
    script = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from cli.signals import end_by_signal; end_by_signal()\n"
        "signal.raise_signal(signal.SIGHUP); print('goes on')\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "goes on\n", done.stderr


def test_output_that_nobody_reads_ends_quietly(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "starter.py", "schema", "report"],
        cwd=ROOT,
        env={**os.environ, "ASSAY_DATA": str(tmp_path)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )

    os.close(writer)
    assert (done.returncode, done.stderr) == (Exit.READER_GONE, "")


def test_a_second_ctrl_c_changes_nothing_when_the_command_only_has_to_leave() -> None:
    script = (
        "import signal, sys, typer\n"
        "from cli import command\n"
        "from cli.signals import end_by_signal\n"
        "end_by_signal()\n"
        "say = command.progress_out.print\n"
        "def slow(*what):\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    say(*what)\n"
        "command.progress_out.print = slow\n"
        "app = typer.Typer(cls=command.Commands)\n"
        "@app.command()\n"
        "def waits():\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "@app.command()\n"
        "def other():\n"
        "    pass\n"
        "app(['waits'])\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (Exit.INTERRUPTED, "interrupted\n")
