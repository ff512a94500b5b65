"""Runs one static adapter on a folder, as the runtime does; `python -m` records a fixture again.

python -m tests.support.static_run bandit    # tests/fixtures/bandit/sample -> raw, expected.json
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Command, Completed, Parsed, SourceTree, Tool, ToolRun
from analyzers.static.adapter import line_reader
from analyzers.static.tools import TOOLS
from contract.analysis import AnalyzerKind, SubtaskRequest
from contract.spec import AppRef, SourceRef

ROOT = Path(__file__).parents[2]
TOOLS_DIR = ROOT / ".tools/static"
FIXTURES = ROOT / "tests/fixtures"


def make_run(source: SourceTree, workspace: Path, tools_dir: Path = TOOLS_DIR) -> ToolRun:
    request = SubtaskRequest(
        subtask_id="p/m/app1/static",
        analyzer=AnalyzerKind.STATIC,
        ref=AppRef(model="m", app_number=1),
        source=SourceRef(path=str(source.root), digest="0" * 64),
    )
    return ToolRun(request=request, source=source, workspace=workspace, tools_dir=tools_dir)


async def measure(tool: Tool, folder: Path, workspace: Path) -> Parsed:
    return await measure_tree(tool, list_source(folder), workspace)


async def measure_tree(tool: Tool, source: SourceTree, workspace: Path) -> Parsed:
    runner = Runner(workspace, deadline=time.monotonic() + 120)
    return await tool.run(make_run(source, workspace), runner)


def reads_manifests(command: Command) -> bool:
    return any(word.endswith("manifest_program.py") for word in command.argv)


def run_here(command: Command) -> Completed:
    """Really run a program of ours, in a test whose `execute` invents all other answers."""
    done = subprocess.run(command.argv, input=command.stdin, capture_output=True, check=True)
    return Completed(command.argv, 0, done.stdout, done.stderr, done.stdout, 0.1)


def summary(parsed: Parsed) -> dict[str, Any]:
    covered = parsed.coverage
    return {
        "unit": covered.unit,
        "given": covered.given,
        "reached": covered.reached,
        "skipped": {item.what: item.reason for item in covered.skipped},
        "findings": [
            {
                "rule": found.rule_id,
                "path": found.location.path,
                "line": found.location.line,
                "severity": found.severity,
                "confidence": found.confidence,
                "category": found.category,
                "cwe": list(found.cwe),
            }
            for found in parsed.findings
        ],
        "metrics": [
            [metric.name, metric.value, metric.unit, metric.target] for metric in parsed.metrics
        ],
    }


async def record(tool: Any) -> None:
    """Store the raw report of a real run on the sample, and the result of the parser."""
    home = FIXTURES / tool.name
    reports: list[bytes] = []

    async def recording(command: Command) -> Completed:
        done = await runner(command)
        reports.append(tool.report(run, done))
        return done

    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        run = make_run(list_source(home / "sample"), Path(folder))
        await tool.run(run, recording)
        raw = reports[-1]
    (home / "raw").write_bytes(raw)
    given = tool.select(list_source(home / "sample").files)
    parsed = tool.parse(raw, given, line_reader(home / "sample"))
    (home / "expected.json").write_text(json.dumps(summary(parsed), indent=1) + "\n")


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        asyncio.run(record(next(tool for tool in TOOLS if tool.name == wanted)))
