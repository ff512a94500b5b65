"""Files that no parser accepts, and the verdict on a tool that could read none.

A file that does not parse is the app's own fault. A tool that could not read it names it as
skipped, and only the `syntax` tool makes it a finding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from analyzers.runtime import blame
from analyzers.runtime.reasons import Reason, cause_of, reason_of, skipped
from analyzers.runtime.tool import (
    Command,
    Execute,
    NotApplicable,
    NotMeasured,
    Parsed,
    ToolRun,
)
from analyzers.static.files import is_fenced
from analyzers.static.python_files import ANY_DEPTH, Flaw, python_flaws
from analyzers.static.reading import MAX_SKIPPED, load_json
from contract.analysis import Coverage, SkipCause

SCRIPT_SUFFIXES = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
CODE_SUFFIXES = (".py", *SCRIPT_SUFFIXES, ".css")
_TEMPLATE = "server-side template: no script, style sheet or JSON yet"
NODE_CHECK = Path(__file__).with_name("syntax_check.mjs")
FENCE = Flaw(1, "a Markdown code fence", "broken")
NUL = Flaw(1, "NUL bytes in its text", "broken")
_NOT_READ = "which this tool does not read"
# Files in a tool's language, or with some of it inside, by the suffix that the tool reads.
_RELATIVES = {
    ".py": {".ipynb": "a notebook", ".pyw": "Python under another name", ".pyx": "Cython"},
    ".js": {".vue": "a component", ".svelte": "a component", ".astro": "a component"},
    ".css": {".scss": "Sass", ".sass": "Sass", ".less": "Less", ".styl": "Stylus"},
}
_NOT_WRITTEN = frozenset(
    {SkipCause.VENDORED, SkipCause.BUILT, SkipCause.COMPILED}
    | {SkipCause.GENERATED, SkipCause.MINIFIED}
    | {SkipCause.BINARY, SkipCause.OTHER_FORM}
)
"""Causes of files in a tool's language that nobody wrote for it to read."""


async def flaws_of(
    run: ToolRun, names: Sequence[str], execute: Execute, *, depth: int = ANY_DEPTH
) -> dict[str, Flaw]:
    """The `names` that do not parse as their names claim, each with the reason.

    Python, JavaScript, TypeScript, CSS and JSON; files of other kinds are never among them.
    """
    fenced = fences(run.source.root, names)
    rest = [name for name in names if name not in fenced]
    python = [name for name in rest if name.endswith(".py")]
    others = [name for name in rest if name.endswith((*SCRIPT_SUFFIXES, ".css", ".json"))]
    flaws = await python_flaws(run, python, execute, depth=depth)
    return fenced | flaws | await _node_flaws(run, others, execute)


def fences(root: Path, names: Sequence[str]) -> dict[str, Flaw]:
    """Sources that begin with a Markdown fence, which some parsers accept silently."""
    return {
        name: FENCE for name in names if name.endswith(CODE_SUFFIXES) and is_fenced(root / name)
    }


async def _node_flaws(run: ToolRun, names: Sequence[str], execute: Execute) -> dict[str, Flaw]:
    if not names:
        return {}
    argv = ("node", str(NODE_CHECK), str(run.tools_dir.absolute() / "node_modules"))
    done = await execute(Command(argv, cwd=run.source.root, stdin="\0".join(names).encode()))
    found = load_json(done.stdout, "parse probe")
    return {
        name: Flaw(int(item["line"] or 0), _message(item), item["kind"])
        for name, item in found.items()
    }


def _message(item: Mapping[str, str]) -> str:
    return _TEMPLATE if item["kind"] == "template" else str(item["message"])[:300]


async def explained(
    language: str, run: ToolRun, given: Sequence[str], parsed: Parsed, execute: Execute
) -> Parsed:
    """`parsed` with one wording for files that no parser accepts.

    Raises:
        NotApplicable: the tool read none of its files, and the files are the reason.
        ToolFault: it read none, and the files are not the only reason.
    """
    covered = parsed.coverage
    if covered.unit != "files" or not covered.skipped:
        return parsed
    known = frozenset(given)
    none = covered.reached == 0
    unread = (
        given if none else [left_out.what for left_out in covered.skipped if left_out.what in known]
    )
    flaws = await flaws_of(run, [n for n in unread if n.endswith(CODE_SUFFIXES)], execute)
    reasons = {left_out.what: reason_of(left_out) for left_out in covered.skipped}
    reasons |= {name: flaw.reason for name, flaw in flaws.items()}
    rows = tuple(skipped(left_out.what, reasons[left_out.what]) for left_out in covered.skipped)
    covered = covered.model_copy(update={"skipped": rows})
    if none:
        raise refusal(language, reasons)
    return replace(parsed, coverage=covered)


def refusal(language: str, reasons: Mapping[str, str]) -> NotMeasured:
    """Why a tool without readable files measured nothing, by the reasons of its files."""
    ours_first = sorted(reasons.items(), key=lambda item: is_broken(item[1]))
    lines = [f"{name}: {why}" for name, why in ours_first]
    shown = "; ".join(lines[:3]) + (f" and {len(lines) - 3} more" if len(lines) > 3 else "")
    broken = [why for why in reasons.values() if is_broken(why)]
    if len(broken) + sum(_is_nobodys(why) for why in reasons.values()) < len(reasons):
        return blame.verdict("source-unread", f"no {language} files could be read: {shown}")
    unread = [skipped(name, why) for name, why in reasons.items()]
    covered = Coverage(
        unit="files",
        given=len(unread),
        reached=0,
        skipped=tuple(unread[:MAX_SKIPPED]),
        skipped_total=len(unread),
    )
    if broken:
        fault = blame.verdict("source-broken", f"no {language} file that can be parsed: {shown}")
        if isinstance(fault, NotApplicable):
            fault.coverage = covered
        return fault
    return NotApplicable(f"no {language} files" + (f" ({shown})" if lines else ""), covered)


def unread_relatives(suffixes: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """Files of a tool's language in a form that it does not read, each with the reason."""
    others = {
        other: Reason(f"{relative}, {_NOT_READ}", SkipCause.OTHER_FORM)
        for suffix in suffixes
        for other, relative in _RELATIVES.get(suffix, {}).items()
        if other not in suffixes
    }
    return {name: others[suffix] for name in files for suffix in others if name.endswith(suffix)}


def is_broken(reason: str) -> bool:
    """Whether a reason for skipping a file says that the file itself is no source."""
    return cause_of(reason) is SkipCause.BROKEN


def _is_nobodys(reason: str) -> bool:
    return cause_of(reason) in _NOT_WRITTEN
