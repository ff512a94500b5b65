"""Kept reports: served only while they would come out the same, and not for ever."""

import importlib.util
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analyzers.runtime.measure.cache import LIVE_MAX_AGE, UNUSED_MAX_AGE, ReportCache
from analyzers.runtime.measure.cache_key import SourceDigests, cache_key, code_digest
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import SourceTree
from analyzers.static.tools import TOOLS
from contract.analysis import Coverage, MeasurementState, Target, ToolReport
from tests.support.demo_analyzer import DemoTool, request_for

HOUR = timedelta(hours=1)
REPORT = ToolReport(
    tool="demo", state=MeasurementState.MEASURED, coverage=Coverage(unit="files", reached=1)
)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


class PythonOnly(DemoTool):
    """Looks at Python files alone."""

    def reads(self, source: SourceTree) -> Iterable[str]:
        return source.matching(".py")


def key(root: Path, tool: Any = None, code: str = "c", **over: Any) -> str:
    request = request_for(root, **over)
    digests = SourceDigests(list_source(root), request.source.digest)
    return cache_key(tool or PythonOnly(), "1", request, digests, code)


def test_a_live_report_is_served_for_an_hour_and_no_longer(tmp_path: Path, clock: Clock):
    cache = ReportCache(tmp_path, LIVE_MAX_AGE, clock)
    cache.save("k", REPORT, {}, tmp_path)
    clock.at += HOUR
    entry = cache.load("k", tmp_path / "a")
    assert entry
    assert entry.report.provenance.cached_from == clock.at - HOUR
    clock.at += timedelta(seconds=1)
    assert cache.load("k", tmp_path / "a") is None


def test_a_static_report_is_served_at_any_age(tmp_path: Path, clock: Clock):
    cache = ReportCache(tmp_path, None, clock)
    cache.save("k", REPORT, {}, tmp_path)
    clock.at += timedelta(days=1_000)
    assert cache.load("k", tmp_path / "a")


@pytest.mark.parametrize("kind_limit", [None, LIVE_MAX_AGE])
def test_a_tool_may_trust_its_report_for_less(
    tmp_path: Path, clock: Clock, kind_limit: timedelta | None
):
    cache = ReportCache(tmp_path, kind_limit, clock)
    cache.save("never", REPORT, {}, tmp_path, timedelta(0))
    cache.save("short", REPORT, {}, tmp_path, timedelta(minutes=5))
    assert cache.load("never", tmp_path / "a") is None
    clock.at += timedelta(minutes=5)
    assert cache.load("short", tmp_path / "a")
    clock.at += timedelta(seconds=1)
    assert cache.load("short", tmp_path / "a") is None


def test_no_tool_may_trust_a_live_report_for_longer(tmp_path: Path, clock: Clock):
    cache = ReportCache(tmp_path, LIVE_MAX_AGE, clock)
    cache.save("k", REPORT, {}, tmp_path, timedelta(days=7))
    clock.at += 2 * HOUR
    assert cache.load("k", tmp_path / "a") is None


def test_what_nobody_asked_for_in_a_month_goes_and_what_is_used_stays(tmp_path: Path, clock: Clock):
    cache = ReportCache(tmp_path / "cache", None, clock)
    for name in ("used", "unused"):
        cache.save(name, REPORT, {}, tmp_path)
    clock.at += UNUSED_MAX_AGE
    assert cache.load("used", tmp_path / "a")
    clock.at += HOUR
    cache.expire()
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["used"]


def test_an_outdated_live_report_takes_no_room(tmp_path: Path, clock: Clock):
    cache = ReportCache(tmp_path / "cache", LIVE_MAX_AGE, clock)
    cache.save("k", REPORT, {}, tmp_path)
    clock.at += 2 * HOUR
    cache.expire()
    assert list((tmp_path / "cache").iterdir()) == []


def test_above_its_size_the_longest_unused_go_first(tmp_path: Path, clock: Clock):
    attachments = tmp_path / "attachments"
    attachments.mkdir()
    (attachments / "raw").write_bytes(b"x" * 10_000)
    cache = ReportCache(tmp_path / "cache", None, clock)
    report = REPORT.model_copy(update={"attachments": ("raw",)})
    for name in ("a", "b", "c"):
        cache.save(name, report, {}, attachments)
        clock.at += HOUR
    assert cache.load("a", tmp_path / "out")
    cache.expire(max_bytes=25_000)
    assert {entry.name for entry in (tmp_path / "cache").iterdir()} == {"a", "c"}


def test_leftovers_of_a_broken_write_go_but_not_one_under_way(tmp_path: Path):
    cache = ReportCache(tmp_path)
    (tmp_path / "part-new").mkdir()
    cache.expire()
    assert (tmp_path / "part-new").is_dir()
    ReportCache(tmp_path, now=lambda: datetime.now(UTC) + 2 * HOUR).expire()
    assert list(tmp_path.iterdir()) == []


def test_what_could_change_the_report_is_in_the_key(tmp_path: Path):
    known = key(tmp_path / "app")
    assert known == key(tmp_path / "app")
    assert known != key(tmp_path / "app", conditions="2 cores")
    assert known != key(tmp_path / "app", deadline_s=9.0)
    assert known != key(tmp_path / "app", options={"a": 1})
    assert known != key(tmp_path / "app", code="other")


def test_another_start_of_the_same_app_is_the_same_key(tmp_path: Path):
    first, second = (
        Target(service="web", base_url=f"http://127.0.0.1:{port}", container_id=str(port))
        for port in (1, 2)
    )
    assert key(tmp_path / "app", targets=(first,)) == key(tmp_path / "app", targets=(second,))


def test_only_what_a_tool_reads_or_was_withheld_makes_it_run_again(tmp_path: Path):
    app = tmp_path / "app"
    known, whole = key(app), key(app, DemoTool())
    (app / "README.md").write_text("hello")
    assert key(app) == known
    assert key(app, DemoTool()) != whole
    (app / "app.py").write_text("eval(other)\n")
    assert key(app) != known
    changed = key(app)
    (app / "blob.py").write_bytes(b"\0")
    assert key(app) != changed


def test_an_edited_readme_runs_no_linter_again(tmp_path: Path):
    known = {tool.name: key(tmp_path / "app", tool) for tool in TOOLS}
    (tmp_path / "app/README.md").write_text("hello")
    again = {tool.name for tool in TOOLS if key(tmp_path / "app", tool) != known[tool.name]}
    linters = {"bandit", "ruff", "pylint", "mypy", "eslint", "stylelint", "html-validate"}
    assert linters <= known.keys()
    assert again.isdisjoint(linters)
    assert "detect-secrets" in again


def test_a_tool_that_wants_others_values_depends_on_the_whole_source(tmp_path: Path):
    tool = PythonOnly(after=("discovery",))
    known = key(tmp_path / "app", tool)
    (tmp_path / "app/README.md").write_text("hello")
    assert key(tmp_path / "app", tool) != known


def test_a_corrected_parser_or_another_pinned_tool_is_another_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "svc/tools").mkdir(parents=True)
    module_file, lock = tmp_path / "svc/tools/odd.py", tmp_path / "svc/requirements.lock"
    module_file.write_text("class Odd: ...\n")
    lock.write_text("tool==1\n")
    spec = importlib.util.spec_from_file_location("svc_tools_odd", module_file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "svc_tools_odd", module)
    spec.loader.exec_module(module)
    tools = (module.Odd(),)
    seen = [code_digest(tools)]
    lock.write_text("tool==2\n")
    seen.append(code_digest(tools))
    module_file.write_text("class Odd: severity = 1\n")
    seen.append(code_digest(tools))
    assert len(set(seen)) == 3
    (tmp_path / "svc/weights.json").write_text("{}")  # an order changes no result
    assert code_digest(tools) == seen[-1]
