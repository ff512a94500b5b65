"""ESLint with security and React plugins, under a flat configuration of ours."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from analyzers.runtime.grades import Grades
from analyzers.runtime.reasons import broken
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolRun
from analyzers.static.adapter import (
    Gathered,
    Lines,
    NodeTool,
    coverage,
    finding,
    line_reader,
    load_json,
    positive,
    relative,
)
from analyzers.static.files import as_utf8
from analyzers.static.reputation import Reputation
from analyzers.static.syntax import SCRIPT_SUFFIXES
from analyzers.static.weaknesses import ESLINT_SECURITY
from contract.analysis import Category, Confidence, Finding, Location, Severity

CONFIG = Path(__file__).parent.parent / "eslint.config.mjs"
COMPONENT_SUFFIXES = (".vue", ".svelte", ".astro")
# The ways to read a script, tried in order until it parses: as most are written, as old CommonJS
# (`return` outside functions, octal numbers), and with TypeScript's parser.
_PASSES = ("module", "commonjs", "typescript")
_PLAIN = (".js", ".jsx", ".mjs", ".cjs")
_SCRIPT = re.compile(r"(?is)<script\b([^>]*)>(.*?)</script\s*>")
_FRONT = re.compile(r"(?s)\A\s*---[ \t]*\r?\n(.*?)^---", re.M)
_DATA = re.compile(r"(?i)type\s*=\s*[\"']?(?:application/(?:ld\+)?json|text/(?:x-|template|html))")
_TYPED = re.compile(r"(?i)lang\s*=\s*[\"']?(tsx?)")
_OURS = re.compile(r"\.assay\.[jt]sx?$")
_SECURITY_PLUGINS = ("security/", "no-unsanitized/")
_GRADES = Grades(
    "rule or level",
    {rule: grade for rule, (_, grade) in ESLINT_SECURITY.items()}
    | {"2": Severity.MEDIUM, "1": Severity.LOW},
)


_NOISY = frozenset(
    {
        "no-script-url",
        "no-unsanitized/method",
        "react/no-danger",
        "react/jsx-no-target-blank",
        "security/detect-bidi-characters",
        "security/detect-child-process",
        "security/detect-invisible-characters",
        "security/detect-non-literal-fs-filename",
        "security/detect-non-literal-regexp",
        "security/detect-non-literal-require",
        "security/detect-possible-timing-attacks",
        "security/detect-unsafe-regex",
    }
)


class Eslint(NodeTool):
    """Adapter for `eslint -f json`."""

    name = "eslint"
    looks_for = frozenset({Category.SECURITY, Category.QUALITY})
    grades = _GRADES
    reputation = Reputation(school="eslint", noisy=_NOISY)
    reads_selected = True
    file_kind = "JavaScript or TypeScript"
    suffixes = (*SCRIPT_SUFFIXES, *COMPONENT_SUFFIXES)
    apart = True
    canary = Canary(
        files={"app.js": "export function show(node, text) {\n  node.innerHTML = text;\n}\n"},
        expect=frozenset({"no-unsanitized/property"}),
    )

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """Only our configuration: no look-up, no ignore files, no inline comments."""
        config = str(workspace / CONFIG.name)
        return (
            *(*self.program(tools_dir), "--no-config-lookup", "-c", config, "--no-ignore"),
            *("--no-inline-config", "-f", "json", "-o", str(workspace / "eslint.json"), "."),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit 1 means: ran, and found issues; 2 is a crash."""
        return Command(
            self.argv(tools_dir, workspace),
            cwd=workspace / "src",
            ok_exit_codes=frozenset({0, 1}),
            output=workspace / "eslint.json",
        )

    def rules_digest(self) -> str:
        """Digest of our configuration and severities."""
        table = repr(sorted(ESLINT_SECURITY.items())).encode()
        return hashlib.sha256(CONFIG.read_bytes() + table).hexdigest()

    def copy(self, run: ToolRun, names: Sequence[str]) -> None:
        """Copy only the scripts of components, on the lines where they stand."""
        components = [name for name in names if name.endswith(COMPONENT_SUFFIXES)]
        super().copy(run, [name for name in names if name not in set(components)])
        for name in components:
            text = as_utf8((run.source.root / name).read_bytes()).decode(errors="replace")
            script, suffix = script_of(name, text)
            target = run.workspace / "src" / f"{name}.assay.{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(script, newline="")

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """Plugins are resolved from the configuration's folder, so we put a link to them there."""
        (run.workspace / CONFIG.name).write_bytes(CONFIG.read_bytes())
        link = run.workspace / "node_modules"
        if not link.is_symlink():
            link.symlink_to(run.tools_dir.absolute() / "node_modules")
        items: dict[str, dict[str, Any]] = {}
        todo = list(given)
        for way in _PASSES:
            self.copy(run, todo)
            command = self.command(run.tools_dir, run.workspace)
            done = await execute(replace(command, env={"ASSAY_PASS": way}))
            read = _by_path(load_json(self.report(run, done), self.name))
            items |= {path: item for path, item in read.items() if not _is_fatal(item)}
            items = {path: item for path, item in read.items() if path not in items} | items
            todo = [n for n in todo if n.endswith(_PLAIN) and n in read and _is_fatal(read[n])]
            if not todo:
                break
        raw = json.dumps(list(items.values())).encode()
        return self.parse(raw, given, line_reader(run.source.root))

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """A file with a fatal error was not parsed; messages without a rule are such errors."""
        known = frozenset(given)
        reached: list[str] = []
        gathered = Gathered()
        for path, item in _by_path(load_json(raw, self.name)).items():
            name = relative(path, known)
            reached.append(name)
            for message in item["messages"]:
                if message.get("fatal") or message["ruleId"] is None:
                    where = f"line {message.get('line') or 1}"
                    gathered.reasons[name] = broken(f"{where}: {message['message']}")
                else:
                    gathered.add(name, partial(self._finding, message, name, lines))
        components = sum(name.endswith(COMPONENT_SUFFIXES) for name in reached)
        note = f"{components} components: their scripts are read, their markup is not"
        covered = coverage(given, reached, gathered.reasons)
        return Parsed(covered, tuple(gathered.findings), notes=(note,) if components else ())

    def _finding(self, message: dict, path: str, lines: Lines) -> Finding:
        rule, line = message["ruleId"], message.get("line") or 0
        cwe, severity, category = classify(rule, message["severity"])
        number, column = lines.place(path, line, message.get("column") or 0, "script", "utf-16")
        return finding(
            self.name,
            rule,
            message["message"],
            Location(
                path=path,
                line=positive(number),
                end_line=positive(lines.number(path, message.get("endLine") or line, "script")),
                column=column,
            ),
            lines(path, number),
            severity=severity,
            confidence=Confidence.MEDIUM if category is Category.SECURITY else Confidence.HIGH,
            category=category,
            cwe=cwe,
        )


def script_of(name: str, text: str) -> tuple[str, str]:
    """The scripts of a Vue, Svelte or Astro component with all else blank; and their suffix."""
    found = list(_SCRIPT.finditer(text))
    spans = [match.span(2) for match in found if not _DATA.search(match[1])]
    typed = [match[1].lower() for match_typed in found if (match := _TYPED.search(match_typed[1]))]
    if name.endswith(".astro"):
        typed.append("ts")
        spans += [match.span(1) for match in _FRONT.finditer(text)]
    kept: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        kept += [_blank(text[end:start]), text[start:stop]]
        end = max(end, stop)
    return "".join(kept), typed[0] if typed else "js"


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def _by_path(report: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {_OURS.sub("", item["filePath"]): item for item in report}


def _is_fatal(item: dict[str, Any]) -> bool:
    return any(message.get("fatal") for message in item["messages"])


def classify(rule: str, level: int) -> tuple[tuple[int, ...], Severity, Category]:
    """CWE, severity and category. Raises: ToolFault for a security rule without an entry."""
    if rule in ESLINT_SECURITY or rule.startswith(_SECURITY_PLUGINS):
        severity = _GRADES.of(rule)
        return (ESLINT_SECURITY[rule][0],), severity, Category.SECURITY
    return (), _GRADES.of(level), Category.QUALITY
