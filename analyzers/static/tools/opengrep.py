"""Opengrep with the rules of `analyzers/static/rules`: taint paths through web frameworks."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import Reason, reason_of
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    first_version,
    load_json,
    mapped,
    relative,
    with_skipped,
)
from analyzers.static.files import plain
from analyzers.static.flows import Step, document, steps_of
from analyzers.static.reputation import Reputation
from analyzers.static.syntax import SCRIPT_SUFFIXES, flaws_of
from contract.analysis import Category, Confidence, Finding, Location, Severity, SkipCause
from contract.attached import FLOWS
from contract.families import names_in, path_key

TEMPLATE_SUFFIXES = (
    *(".html", ".htm", ".j2", ".jinja", ".jinja2", ".ejs", ".hbs", ".handlebars", ".vue"),
)
RULES = Path(__file__).parent.parent / "rules"
_SEVERITY = {"ERROR": Severity.HIGH, "WARNING": Severity.MEDIUM, "INFO": Severity.LOW}
_CONFIDENCE = {"high": Confidence.HIGH, "medium": Confidence.MEDIUM, "low": Confidence.LOW}
_CANARY = """import sqlite3
from flask import Flask, request

app = Flask(__name__)


@app.get("/find")
def find():
    return str(sqlite3.connect("x").execute("SELECT 1 WHERE '" + request.args["q"] + "'"))
"""
_MAX_LINE_BYTES = 20_000
_MAX_NAMED_STEPS, _MAX_NAMES = 20, 100
_PARTIAL = "PartialParsing"
_FLOW = "export function planted(req%s, res%s) {\n  eval(req.query.code);\n}\n"
_PLANTED = {
    "assay_sentinel.js": _FLOW % ("", ""),
    "assay_sentinel.ts": _FLOW % (": Request", ": Response"),
    "assay_sentinel.tsx": _FLOW % (": Request", ": Response"),
}


class Opengrep(CommandTool):
    """Adapter for `opengrep scan --json`."""

    name = "opengrep"
    looks_for = frozenset({Category.SECURITY})
    grades = Grades("severity", _SEVERITY)
    reputation = Reputation(school="opengrep")
    file_kind = "Python, JavaScript, TypeScript or template"
    suffixes = (".py", *SCRIPT_SUFFIXES, *TEMPLATE_SUFFIXES)
    apart = True
    reads_selected = True
    canary = Canary(files={"app.py": _CANARY}, expect=frozenset({"python-sql-injection"}))

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """The unpacked program (`after-install.sh`), else the wheel's, which unpacks itself."""
        if (unpacked := tools_dir / "opengrep/opengrep-cli").exists():
            return (str(unpacked),)
        places = tools_dir.glob("venv/lib/python*/site-packages/tackbox_opengrep/bin/opengrep")
        return (str(next(places, tools_dir / "venv/bin/opengrep")),)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """The unpacked program prints it only under its other name."""
        if not (core := run.tools_dir / "opengrep/opengrep-core").exists():
            return await super().version(run, execute)
        done = await execute(Command((str(core), "-version"), cwd=run.workspace, limit_s=150))
        return first_version(done.stdout, self.name)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Taint is followed through the functions of a file; suppressions do not count.

        Its native front end (`--experimental`) starts in half the time and finds the same; the
        unpacked program has no other one.
        """
        return (
            *(*self.program(tools_dir), "scan", "--experimental", "--json"),
            *("--config", str(workspace / "rules.json")),
            *("--output", str(workspace / "opengrep.json"), "--quiet", "--no-git-ignore"),
            *("--disable-nosem", "--dataflow-traces", "--taint-intrafile", "--jobs", "1"),
            *("--max-target-bytes", "0", "--timeout", "20", "--timeout-threshold", "1", "."),
        )

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Measure its files; the ways of data in their own order are kept beside the report."""
        parsed = await super().run(run, execute)
        flows = parsed.data.get("flows")
        if flows:
            run.attach(FLOWS, document(flows))
        return replace(parsed, data={k: v for k, v in parsed.data.items() if k != "flows"})

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Its time limit per file does not hold while it parses; it never gets endless lines."""
        long = {
            name: f"a line of more than {_MAX_LINE_BYTES} bytes"
            for name in given
            if name.endswith((".py", *SCRIPT_SUFFIXES))
            and _longest_line((run.source.root / name).read_bytes()) > _MAX_LINE_BYTES
        }
        rest = [name for name in given if name not in long]
        if not rest:
            raise ToolFault("; ".join(f"{name}: {why}" for name, why in long.items())[:1_000])
        parsed = await super().measure(run, rest, execute)
        return with_skipped(await _read_in_part(run, rest, parsed, execute), long)

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """An empty ignore file of ours replaces the built-in one, which leaves out tests.

        Files of ours, one for each parser, hold a path that it must find.
        """
        (workspace / "src" / ".semgrepignore").write_text("")
        (workspace / "rules.json").write_bytes(_rules())
        for name, text in _PLANTED.items():
            (workspace / "src" / name).write_text(text)
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            ok_exit_codes=frozenset({0, 2}),  # 2: a rule is broken, and the report says which
            output=workspace / "opengrep.json",
        )

    def cleaned(self, data: bytes) -> bytes:
        """It does not end lines at CR, and fails on a byte order mark or text that is not UTF-8."""
        return plain(data)

    def rules_digest(self) -> str:
        """Digest of every rule file, in order of names."""
        digest = hashlib.sha256()
        for path in sorted(RULES.glob("*.yaml")):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """A file with an error was not covered; a rule that could not run is a fault."""
        report = load_json(raw, self.name)
        known = frozenset(given) | _PLANTED.keys()
        if report.get("skipped_rules"):
            raise ToolFault(f"rules could not be used: {report['skipped_rules']}"[:500])
        reasons: dict[str, str] = {}
        for error in report["errors"]:
            if error.get("path") is None:
                raise ToolFault(f"opengrep: {error.get('message', error)}"[:500])
            reasons[relative(error["path"], known)] = error_reason(error)
        reached = [relative(name, known) for name in report["paths"]["scanned"]]
        gathered = Gathered(reasons=reasons)
        paths: dict[str, list[int]] = {}
        names: dict[str, list[str]] = {}
        flows: dict[str, list[Step]] = {}
        planted: set[str | None] = set()
        for item in report["results"]:
            path = relative(item["path"], known)
            if path in _PLANTED:
                planted.add(path)
                continue
            gathered.add(path, partial(self._finding, item, path, lines))
            if trace := item["extra"].get("dataflow_trace"):
                for found in gathered.findings[-1:]:
                    if found.location.path == path:
                        key, steps = path_key(found), sorted(trace_lines(trace))
                        paths[key], names[key] = steps, _names(path, steps, lines)
                        flows[key] = steps_of(trace, path, lines)
        if unseen := _PLANTED.keys() - planted:
            raise ToolFault(
                f"opengrep did not see what Assay planted in {', '.join(sorted(unseen))}"
            )
        late = any("timeout" in reason.lower() for reason in reasons.values())
        return Parsed(
            coverage(given, reached, reasons),
            tuple(gathered.findings),
            data={"paths": paths, "path_names": names, "flows": flows},
            fresh_for=timedelta(0) if late else None,  # a calmer host may read those files
        )

    def _finding(self, item: dict, path: str, lines: Lines) -> Finding:
        extra, metadata = item["extra"], item["extra"]["metadata"]
        line = item["start"]["line"]
        return finding(
            self.name,
            item["check_id"].rpartition(".")[2],
            extra["message"],
            Location(
                path=path,
                line=line,
                end_line=item["end"]["line"],
                column=lines.column(path, line, item["start"]["col"], "utf-8"),
            ),
            lines(path, line),
            severity=self.grades.of(extra["severity"]),
            confidence=mapped(_CONFIDENCE, metadata["confidence"], "confidence"),
            cwe=(metadata["cwe"],),
        )


async def _read_in_part(
    run: ToolRun, given: Sequence[str], parsed: Parsed, execute: Execute
) -> Parsed:
    """Whether a sound file was read except for new syntax that its parser does not know."""
    partly = {
        skipped.what: skipped.reason
        for skipped in parsed.coverage.skipped
        if skipped.cause is SkipCause.PARTIAL
    }
    flaws = await flaws_of(run, list(partly), execute) if partly else {}
    partly = {name: why for name, why in partly.items() if name not in flaws}
    if not partly:
        return parsed
    reasons = {
        skipped.what: reason_of(skipped)
        for skipped in parsed.coverage.skipped
        if skipped.what not in partly
    }
    notes = tuple(f"{name} was read but for a part: {why}" for name, why in partly.items())
    return replace(parsed, coverage=coverage(given, given, reasons), notes=(*parsed.notes, *notes))


@lru_cache(maxsize=1)
def _rules() -> bytes:
    """All rules as one JSON text: it is read in half the time of YAML."""
    texts = [path.read_bytes() for path in sorted(RULES.glob("*.yaml"))]
    rules = [rule for text in texts for rule in yaml.safe_load(text)["rules"]]
    return json.dumps({"rules": rules}).encode()


def error_reason(error: dict) -> Reason:
    """Why a file was not looked at, in one line."""
    kind = error["type"]
    name = kind[0] if isinstance(kind, list) else kind
    text = f"{name}: {str(error.get('message', '')).strip().splitlines()[0]}"[:500]
    return Reason(text, SkipCause.PARTIAL if name == _PARTIAL else SkipCause.OTHER)


def _longest_line(data: bytes) -> int:
    return max(map(len, data.splitlines()), default=0)


def _names(path: str, steps: Sequence[int], lines: Lines) -> list[str]:
    """Words on the lines of a path; the input that it begins with is among them."""
    words = {word for step in steps[:_MAX_NAMED_STEPS] for word in names_in(lines(path, step))}
    return sorted(words)[:_MAX_NAMES]


def trace_lines(trace: Any) -> set[int]:
    """Every line of a taint path, out of its nested calls and places."""
    if isinstance(trace, dict):
        if "start" in trace:
            return {trace["start"]["line"]}
        return set().union(*(trace_lines(value) for value in trace.values()))
    if isinstance(trace, list):
        return set().union(*(trace_lines(value) for value in trace))
    return set()
