"""A tiny analyzer for tests: its tools do what their options say (`python -m tests.support...`)."""

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

from analyzers.runtime.service import main
from analyzers.runtime.tool import (
    AppFault,
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Coverage, Finding, Severity, SubtaskRequest
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef, SourceRef


class DemoTool:
    """Counts files with `wc`; behaves badly when asked to."""

    looks_for = frozenset({Category.SECURITY})
    canary = Canary(files={"app.py": "eval(x)\n"}, expect=frozenset({"eval"}))
    cost = 1.0
    exclusive = False
    after: tuple[str, ...] = ()

    def __init__(self, name: str = "demo", **over: Any) -> None:
        self.name = name
        self.runs = 0
        for key, value in over.items():
            setattr(self, key, value)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        ended = await execute(Command(("sh", "-c", "echo 1.0")))
        return ended.stdout.decode().strip()

    def rules_digest(self) -> str:
        return "rules"

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        if not run.canary:
            self.runs += 1
            await self.behave(run, execute)
        await execute(Command(("wc", "-c", *(str(run.source.root / f) for f in run.source.files))))
        findings = tuple(
            Finding(tool=self.name, rule_id="eval", message="eval", severity=Severity.HIGH)
            for name in run.source.files
            if "eval(" in (run.source.root / name).read_text(errors="replace")
        )
        coverage = Coverage(unit="files", reached=len(run.source.files))
        return Parsed(coverage=coverage, findings=findings)

    async def behave(self, run: ToolRun, execute: Execute) -> None:
        options = run.request.options
        with (run.source.root.parent / f"runs-{self.name}").open("a") as log:
            log.write("run\n")
        match options.get("fault", ""):
            case "":
                pass
            case "app":
                raise AppFault("it answers 500")
            case "not_applicable":
                raise NotApplicable("no Python files")
            case "tool":
                raise ToolFault("it crashed")
            case "exit":
                sys.exit(3)
            case "cancelled":
                raise asyncio.CancelledError
            case "surrogate":
                raise ToolFault("\ud800 is no text")
            case other:
                raise ZeroDivisionError(other)
        if size := int(options.get("attach_bytes", 0)):
            run.attach("big file.bin", b"x" * size)
        if seconds := float(options.get("sleep_s", 0.0)):
            script = f"sleep 300 & echo $! > {run.source.root.parent}/pid; sleep {seconds}"
            await execute(Command(("sh", "-c", script)))


def request_for(root: Path, **over: Any) -> SubtaskRequest:
    """A request for the app folder `root`, which is made if it is not there."""
    from clients.source import digest_tree

    if not root.exists():
        root.mkdir(parents=True)
        (root / "app.py").write_text("eval(input())\n")
    source: SourceRef = digest_tree(root)
    known: dict[str, Any] = {
        "subtask_id": "pipe/model%2Fx/app1/static",
        "analyzer": AnalyzerKind.STATIC,
        "ref": AppRef(model="model/x", app_number=1),
        "source": source,
        "deadline_s": 30.0,
    }
    return SubtaskRequest(**{**known, **over})


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main(AnalyzerKind.STATIC, (DemoTool(),))
