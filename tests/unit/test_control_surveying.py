"""What a survey says before the start: whatever is not known to be measured is told, with why."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth, ToolHealth
from contract.spec import AppsSpec, PipelinePlan, PipelineSpec
from control.analyzer_health import Analyzers
from control.declared import tools_of
from control.plans import resolve
from control.stored import Stored
from control.surveying import Platform, Survey, survey

STATIC, PERFORMANCE = AnalyzerKind.STATIC, AnalyzerKind.PERFORMANCE


@contextmanager
def saying(health: AnalyzerHealth) -> Generator[str]:
    """The address of an analyzer that says this of itself."""
    text = health.model_dump_json().encode()

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if health.ok else 503)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"ws://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def plan_of(folder: Path, *analyzers: AnalyzerKind, **fields: Any) -> PipelinePlan:
    for model in ("a", "b"):
        app = folder / model / "app1"
        app.mkdir(parents=True, exist_ok=True)
        (app / "app.py").write_text("1\n")
    spec = PipelineSpec(apps=AppsSpec(root="."), analyzers=analyzers, **fields)
    return resolve(spec, folder, "p")


async def surveyed(
    folder: Path, plan: PipelinePlan, urls: dict[AnalyzerKind, str], lacks: str = ""
) -> Survey:
    stored = Stored(f"sqlite+aiosqlite:///{folder / 'none.db'}", in_use=lambda: False)
    return await survey("it", plan, Platform(Analyzers(urls, lambda _: lacks), None, stored))


def all_see(kind: AnalyzerKind) -> list[ToolHealth]:
    return [ToolHealth(name=name, ok=True) for name in tools_of(kind)]


async def test_a_blind_tool_is_told_with_its_reason(tmp_path: Path):
    tools = [tool for tool in all_see(STATIC) if tool.name != "bandit"]
    tools.append(ToolHealth(name="bandit", ok=False, reason="its canary was missed"))
    with saying(AnalyzerHealth(analyzer=STATIC, ok=True, tools=tuple(tools))) as url:
        found = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {STATIC: url})

    (blind,) = found.analyzers[0].alike("blind")
    assert (blind.tools, blind.reason, blind.whole) == (
        ("bandit",),
        "its canary was missed",
        False,
    )
    assert found.count("sees") == len(tools) - 1
    assert found.count("unknown", "lost") == 0


async def test_a_canary_that_still_runs_says_neither(tmp_path: Path):
    tools = tuple(
        ToolHealth(name=name, ok=False, starting=True, reason="its canary has not ended")
        for name in tools_of(STATIC)
    )
    with saying(AnalyzerHealth(analyzer=STATIC, ok=True, tools=tools)) as url:
        found = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {STATIC: url})

    assert found.count("starting") == len(tools)
    assert found.count("sees", "blind") == 0


async def test_an_analyzer_that_nobody_could_ask_is_unknown_and_not_fine(tmp_path: Path):
    urls = {PERFORMANCE: "ws://127.0.0.1:9"}

    found = await surveyed(tmp_path, plan_of(tmp_path, STATIC, PERFORMANCE), urls)

    assert found.count("sees") == 0
    assert found.count("unknown") == len(tools_of(STATIC)) + len(tools_of(PERFORMANCE))
    away = found.analyzers[1].alike("unknown")[0]
    assert away.whole and "127.0.0.1:9" in away.reason


async def test_what_this_machine_has_to_get_first_is_lost_with_the_next_step(tmp_path: Path):
    found = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {}, lacks="make tools")

    assert found.count("lost") == len(tools_of(STATIC))
    assert found.analyzers[0].next_step == "make tools"


async def test_only_the_tools_that_would_run_are_told(tmp_path: Path):
    plan = plan_of(tmp_path, STATIC, tools={STATIC: ("ruff",)})

    found = await surveyed(tmp_path, plan, {})

    assert [tool.name for tool in found.analyzers[0].tools] == ["ruff"]


async def test_a_tool_that_the_running_analyzer_does_not_have_is_lost(tmp_path: Path):
    tools = tuple(tool for tool in all_see(STATIC) if tool.name != "ruff")
    with saying(AnalyzerHealth(analyzer=STATIC, ok=True, tools=tools)) as url:
        found = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {STATIC: url})

    assert found.analyzers[0].alike("lost")[0].tools == ("ruff",)


async def test_it_says_how_many_apps_how_long_and_whether_controls_prove_the_tools(tmp_path: Path):
    without = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {})
    proved = await surveyed(tmp_path, plan_of(tmp_path, STATIC, controls="on"), {})

    assert {model.name: model.apps for model in without.models} == {"a": 1, "b": 1}
    assert (without.forecast.subjects, without.forecast.subtasks) == (2, 2)
    assert without.forecast.time_s is None and "static" in without.forecast.unknown[0]
    assert "fewer than 10 apps" in without.controls
    assert proved.controls == "" and proved.forecast.beside == {"control": 4}


async def test_an_engine_that_was_not_asked_is_not_taken_for_one_that_runs(tmp_path: Path):
    live = await surveyed(tmp_path, plan_of(tmp_path, PERFORMANCE), {})
    offline = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {})

    assert any("engine of the worker's host was not asked" in note for note in live.notes)
    assert offline.notes == ()


async def test_an_empty_app_is_noted(tmp_path: Path):
    (tmp_path / "a" / "app2").mkdir(parents=True)

    found = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {})

    assert "a/app2 has no files" in found.notes


async def test_what_travels_is_a_document(tmp_path: Path):
    found = await surveyed(tmp_path, plan_of(tmp_path, STATIC), {})

    assert Survey.model_validate(json.loads(found.model_dump_json())) == found


async def test_notes_that_are_left_out_are_counted_after_the_first_ones(tmp_path: Path):
    stored = Stored(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}", in_use=lambda: False)
    platform = Platform(Analyzers({}, lambda _: ""), None, stored)
    notes = tuple(f"note {number}" for number in range(53))

    found = await survey("it", plan_of(tmp_path, STATIC), platform, notes)

    assert found.notes == (*notes[:50], "and 3 more like these")
