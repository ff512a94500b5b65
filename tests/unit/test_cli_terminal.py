"""What an app, a model or a log says never commands the terminal, wherever it is printed."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import UserError
from cli.output import report_error
from cli.safe import one_line, shown
from cli.terminal import SafeConsole
from cli.view import (
    by_interest,
    not_measured,
    progress_line,
    render_list,
    render_progress,
    render_summary,
)
from contract.analysis import MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.progress import (
    AnalyzerReadiness,
    AppProgress,
    BreakerProgress,
    PipelinePhase,
    PipelineProgress,
)
from contract.record import AppRecord, CellRecord, PipelineRecord
from contract.spec import AppRef
from control.documents import PipelineLine
from reports.counts import StateCounts
from reports.model import FleetReport
from reports.summary import AnalyzerSummary
from tests.support.whole_report import whole

HALF = "half\udc80"  # no model of ours takes it; error texts may hold it
HOSTILE = [
    "gpt[/bold]",
    "gpt[bold red]x",
    "[link=http://evil.example]here[/link]",
    "a:smile:b",
    "clear\x1b[2J\x1b[H",
    "title\x1b]0;owned\x07",
    "clipboard\x1b]52;c;aGk=\x1b\\",
    "c1\x9b31m",
    "back\b\b\b\rover",
    "bidi\u202eexe.txt",
    "hidden\u200b\u2066x\u2069",
    HALF,
    "line\u2028two",
    "tag\U000e0041",
    "\\[",
]


def printed(*renderables: Any) -> str:
    console = SafeConsole(stderr=False, piped=True)
    with console.capture() as capture:
        for one in renderables:
            console.print(one)
    return capture.get()


def progress(text: str) -> PipelineProgress:
    return PipelineProgress(
        pipeline_id="p",
        phase=PipelinePhase.RUNNING,
        message=text,
        total=2,
        apps=(
            AppProgress(ref=AppRef(model=f"m{text}", app_number=1), step=text),
            AppProgress(
                ref=AppRef(model="n", app_number=1),
                step="finished",
                state=MeasurementState.APP_FAILED,
                reason=text,
            ),
        ),
        analyzers=(AnalyzerReadiness(analyzer=AnalyzerKind.STATIC, ok=False, reason=text),),
        breakers=(BreakerProgress(name="store", state="open", reason=text),),
    )


def report(text: str) -> FleetReport:
    ref = AppRef(model=f"m{text}", app_number=1)
    state = MeasurementState.INFRA_FAILED
    cell = CellRecord(
        ref=ref,
        analyzer=AnalyzerKind.STATIC,
        report=ToolReport(tool=text, state=state, reason=text),
    )
    apps = (AppRecord(ref=ref, state=state),)
    record = PipelineRecord(pipeline_id="p", state=text, apps=apps, cells=(cell,))
    return whole(record, datetime(2026, 1, 2, tzinfo=UTC)).fleet


PLACES: dict[str, Callable[[str], Any]] = {
    "plain": lambda text: text,
    "progress": lambda text: render_progress(progress(text), text),
    "line of progress": lambda text: progress_line(progress(text)),
    "summary": lambda text: render_summary(report(text)),
    "not measured": lambda text: not_measured(report(text))[0],
    "list": lambda text: render_list([PipelineLine(id=text, state=text)]),
}


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != HALF], ids=ascii)
@pytest.mark.parametrize("render", PLACES.values(), ids=PLACES)
def test_hostile_text_is_shown_and_not_obeyed(render: Callable[[str], Any], text: str) -> None:
    out = printed(render(text))

    assert out.isprintable() or set(filter(lambda c: not c.isprintable(), out)) <= {"\n"}
    assert one_line(text)[:12] in out
    out.encode()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_so_is_an_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    report_error(UserError(f"error {text}", lines=(text,), next_step=text), as_json=True)

    captured = capsys.readouterr()
    for out in (captured.out, captured.err):
        assert set(filter(lambda c: not c.isprintable(), out)) <= {"\n"}
    assert captured.out.isascii()


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    safe = shown(text)

    assert not {c for c in safe if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - {"\n", "\t"}
    assert shown(safe) == safe


@pytest.mark.parametrize("text", ["模型/アプリ", "naïve café", "🙂👍", "עברית", "a\tb\nc"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_what_runs_is_listed_first_and_what_is_cut_off_is_counted() -> None:
    states: list[tuple[str, MeasurementState | None]] = [
        ("finished", MeasurementState.MEASURED),
        ("waiting", None),
        ("finished", MeasurementState.INFRA_FAILED),
        ("static: 2/3 tools", None),
    ]
    apps = tuple(
        AppProgress(ref=AppRef(model="m", app_number=number), step=step, state=state)
        for number, (step, state) in enumerate(states, 1)
    )

    assert [app.ref.app_number for app in by_interest(apps)] == [4, 3, 2, 1]
    out = printed(render_progress(progress("").model_copy(update={"apps": apps}), rows=2))
    assert "m/app4" in out
    assert "m/app1" not in out
    assert "and 2 more" in out


def test_apps_that_a_long_pipeline_does_not_list_are_counted() -> None:
    listed = progress("").model_copy(update={"total": 700})

    assert "and 698 more" in printed(render_progress(listed))


@pytest.mark.parametrize(
    ("count", "said"),
    [(900, "1 measured (900 findings)"), (0, "1 measured (0 findings)"), (None, "1 measured")],
)
def test_findings_are_counted_by_the_report_not_by_what_it_lists(count, said) -> None:
    document = report("x")
    (app,) = document.apps
    counted = AnalyzerSummary(cells=StateCounts(measured=1), findings=count)
    app = app.model_copy(update={"analyzers": {AnalyzerKind.STATIC: counted}})
    document = document.model_copy(update={"apps": (app,)})

    out = printed(render_summary(document))

    assert said in out
    assert ("findings" in out) == (count is not None)


@pytest.mark.parametrize(("starting", "lines"), [(True, 1), (False, 2)])
def test_an_analyzer_that_starts_is_told_of_once(starting: bool, lines: int) -> None:
    """Whatever its reason says: a breaker that is open for that alone is no trouble of its own."""
    ready = AnalyzerReadiness(
        analyzer=AnalyzerKind.STATIC, ok=False, starting=starting, reason="starting: 1 of 2 done"
    )
    shown = progress("").model_copy(
        update={
            "analyzers": (ready,),
            "breakers": (BreakerProgress(name="static", state="open", reason=ready.reason),),
        }
    )

    assert printed(render_progress(shown)).count("starting: 1 of 2 done") == lines
