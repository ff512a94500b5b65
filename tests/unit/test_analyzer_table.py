"""The table of analyzers and what the adapters say of themselves agree."""

import ast
import json
from importlib import import_module
from pathlib import Path

import pytest

from analyzers.runtime.tool import Tool
from analyzers.static.reputation import Reputation, Reputations
from contract import ids
from contract.analysis import Category
from contract.analyzers import LIVE_ORDER, Analyzer, AnalyzerKind
from contract.limits import ANALYSIS_TIMEOUT, FETCH_S, PLACES_WAIT_S
from tests.support.demo_analyzer import DemoTool

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
HOST = "h1"
TOOLS: list[tuple[AnalyzerKind, Tool]] = [
    (kind, tool) for kind in AnalyzerKind for tool in import_module(f"analyzers.{kind}.tools").TOOLS
]


def test_a_row_without_one_of_its_columns_is_an_error_where_it_is_written():
    whole = {name: getattr(AnalyzerKind.STATIC.row, name) for name in Analyzer.__slots__}

    assert Analyzer(**whole) == AnalyzerKind.STATIC.row
    for column in whole:
        with pytest.raises(TypeError, match=column):
            Analyzer(**{name: value for name, value in whole.items() if name != column})


def test_no_two_analyzers_share_a_port_a_turn_or_a_queue():
    queues = [ids.task_queue_analyzer(kind, HOST) for kind in AnalyzerKind]
    others = [ids.task_queue_host(HOST), ids.task_queue_start(HOST)]
    others += [value for name, value in vars(ids).items() if name.startswith("TASK_QUEUE_")]

    assert len({*queues, *others}) == len(queues) + len(others)
    assert len({kind.row.port for kind in AnalyzerKind}) == len(AnalyzerKind)
    assert len({kind.row.live_turn for kind in LIVE_ORDER}) == len(LIVE_ORDER)


@pytest.mark.parametrize("kind", AnalyzerKind)
def test_an_analyzers_deadline_ends_before_the_activity_that_waits_for_it(kind: AnalyzerKind):
    limit_s = ANALYSIS_TIMEOUT.total_seconds() - PLACES_WAIT_S - FETCH_S

    assert kind.row.deadline_s <= limit_s
    assert 1 <= kind.row.slots <= kind.row.slots_max


@pytest.mark.parametrize("kind", AnalyzerKind)
def test_an_analyzer_looks_for_what_its_tools_look_for(kind: AnalyzerKind):
    mine = [tool.looks_for for owner, tool in TOOLS if owner is kind]

    assert frozenset[Category]().union(*mine) == kind.row.looks_for
    assert kind.row.fuses <= frozenset(Category)


@pytest.mark.parametrize("tool", [tool for _, tool in TOOLS], ids=lambda tool: tool.name)
def test_an_adapter_says_itself_what_it_looks_for(tool: Tool):
    assert "looks_for" in vars(type(tool)), "its own words, no base's"

    recorded = FIXTURES / tool.name / "expected.json"
    findings = json.loads(recorded.read_text())["findings"] if recorded.exists() else []
    assert {finding["category"] for finding in findings} <= tool.looks_for


def test_a_tool_that_looks_for_weaknesses_without_a_reputation_cannot_be_fused():
    class Told(DemoTool):
        reputation = Reputation(school="demo")

    Reputations([Told(), DemoTool("style", looks_for=frozenset({Category.QUALITY}))])
    with pytest.raises(TypeError, match="demo looks for weaknesses: its adapter needs"):
        Reputations([DemoTool()])


def test_rules_with_a_name_for_noise_are_no_advice():
    for _, tool in TOOLS:
        if reputation := getattr(tool, "reputation", None):
            assert not reputation.noisy & reputation.advice
            assert reputation.by_name <= reputation.noisy


def test_no_code_of_the_platform_names_an_analyzer():
    """What it has to know of one is a column of the table, so that a row alone adds a kind."""
    rooms = ("contract", "workflows", "activities", "clients", "store", "reports", "control", "cli")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    members = set(AnalyzerKind.__members__)
    naming = {
        str(path.relative_to(ROOT))
        for path in (
            *files,
            ROOT / "settings.py",
            ROOT / "worker.py",
            ROOT / "queues.py",
            ROOT / "starter.py",
        )
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr in members) == ("AnalyzerKind", True)
    }

    # `doctor` asks the sources of the tools that need one: all of them are static ones.
    assert naming == {"cli/sources.py"}
