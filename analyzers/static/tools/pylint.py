"""Pylint: probable errors, bad habits and needless complexity in Python."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Canary, Command, Parsed, ToolFault
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    load_json,
    mapped,
    positive,
    relative,
)
from contract.analysis import Category, Confidence, Finding, Location, Severity

_SEVERITY = {
    "fatal": Severity.HIGH,
    "error": Severity.MEDIUM,
    "warning": Severity.LOW,
    "refactor": Severity.INFO,
    "convention": Severity.INFO,
    "info": Severity.INFO,
    "information": Severity.INFO,
}
_CONFIDENCE = {
    "HIGH": Confidence.HIGH,
    "CONTROL_FLOW": Confidence.HIGH,
    "INFERENCE": Confidence.MEDIUM,
    "INFERENCE_FAILURE": Confidence.LOW,
    "UNDEFINED": Confidence.MEDIUM,
}
# The app's imports are not installed here; and layout and docstrings are matters of taste.
_SILENT = (
    *("import-error", "no-name-in-module", "missing-module-docstring", "missing-class-docstring"),
    *("missing-function-docstring", "line-too-long", "trailing-whitespace", "invalid-name"),
    *("missing-final-newline", "trailing-newlines", "wrong-import-order", "duplicate-code"),
    *("ungrouped-imports", "wrong-import-position", "too-few-public-methods"),
)
# A fifth of its time; a million objects take some 100 MB.
_START = "import gc; gc.set_threshold(1_000_000, 5, 5); from pylint import run_pylint; run_pylint()"
_UNPARSED = frozenset({"syntax-error", "astroid-error", "parse-error"})


class Pylint(CommandTool):
    """Adapter for `pylint --output-format=json2`."""

    name = "pylint"
    looks_for = frozenset({Category.QUALITY})
    grades = Grades("type", _SEVERITY)
    file_kind = "Python"
    suffixes = (".py",)
    apart = True
    canary = Canary(
        files={"app.py": "def total(items):\n    return sum(itms)\n"},
        expect=frozenset({"undefined-variable"}),
    )

    def program(self, tools_dir: Path) -> tuple[str, ...]:
        """It builds trees and keeps them: Python need not collect garbage every 2,000 objects."""
        return (str(tools_dir / "venv/bin/python"), "-I", "-c", _START)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """No configuration file at all; one process."""
        return (
            *(*self.program(tools_dir), "--rcfile=/dev/null", "--output-format=json2"),
            *("--jobs=1", "--persistent=n", f"--disable={','.join(_SILENT)}"),
            *("--disable=useless-suppression,locally-disabled,file-ignored", "--reports=n"),
        )

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """Exit codes are bits for the kinds of messages; 32 and above are usage errors.

        Every file is named: in a package it finds none below a folder without `__init__.py`.
        """
        source = workspace / "src"
        names = sorted(f"./{path.relative_to(source)}" for path in source.rglob("*.py"))
        return Command(
            (*self.argv(tools_dir, workspace), *names),
            cwd=workspace / "src",
            ok_exit_codes=frozenset(range(32)),
        )

    def cleaned(self, data: bytes) -> bytes:
        """Pragmas of the app (`skip-file`, `disable`) become plain comments."""
        return data.replace(b"pylint:", b"pylint;")

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """`modulesLinted` counts names of modules: files of one name in many folders are one."""
        report = load_json(raw, self.name)
        known = frozenset(given)
        reasons: dict[str, str] = {}
        gathered = Gathered(reasons=reasons)
        for message in report["messages"]:
            path = relative(message["path"], known)
            if message["symbol"] in _UNPARSED:
                reasons[path] = message["message"]
            else:
                gathered.add(path, partial(self._finding, message, path, lines))
        linted = report["statistics"]["modulesLinted"]
        names = {_module(name) for name in given if name not in reasons}
        if linted < len(names):
            raise ToolFault(f"pylint looked at {linted} of {len(names)} modules")
        return Parsed(coverage(given, given, reasons), tuple(gathered.findings))

    def _finding(self, message: dict, path: str, lines: Lines) -> Finding:
        return finding(
            self.name,
            message["symbol"],
            message["message"],
            Location(
                path=path,
                line=positive(message["line"]),
                end_line=positive(message["endLine"]),
                column=lines.column(path, message["line"], message["column"] + 1, "utf-8"),
            ),
            lines(path, message["line"]),
            severity=self.grades.of(message["type"]),
            confidence=mapped(_CONFIDENCE, message["confidence"], "confidence"),
            category=Category.QUALITY,
        )


def _module(name: str) -> str:
    """The last part of a file's module name; of a package, that of its folder."""
    path = PurePosixPath(name)
    return path.parent.name if path.stem == "__init__" else path.stem
