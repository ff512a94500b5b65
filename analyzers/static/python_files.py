"""Asks the tools' own Python which files of an app it can parse, and why it cannot read others.

Ruff's parser knows syntax that this Python does not: a file only Ruff parses is newer, not broken.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from analyzers.runtime.reasons import Reason, broken
from analyzers.runtime.source.text import lines_of
from analyzers.runtime.tool import Command, Execute, ToolFault, ToolRun
from analyzers.static.files import as_utf8
from analyzers.static.reading import load_json
from contract.analysis import SkipCause

_PROBE = """
import ast, json, sys, warnings
warnings.simplefilter("ignore")
limit = int(sys.argv[1])

def depth_of(tree):
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return deepest

bad = {}
for name in sys.stdin.read().split("\\0"):
    try:
        depth = depth_of(ast.parse(open(name, "rb").read()))
        if depth > limit:
            bad[name] = [0, f"nested {depth} deep", "deep"]
    except (SyntaxError, ValueError) as error:
        message = getattr(error, "msg", None) or str(error)
        bad[name] = [getattr(error, "lineno", None) or 0, message, "broken"]
    except (RecursionError, MemoryError, OSError) as error:
        bad[name] = [0, f"{type(error).__name__}: {error}", "deep"]
json.dump([sys.version_info[:2], bad], sys.stdout)
"""
ANY_DEPTH = 1_000_000
_UNPARSED = frozenset({"invalid-syntax", "E902", None})
_ADDED = "syntax was added in Python"
_MAX_ASKED = 1_000
_PYTHON_2 = (
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "leading zeros in decimal integer literals",
)
_OLD_EXCEPT = re.compile(r"^\s*except\s+[\w.]+\s*,\s*[a-z_]\w*\s*:")
_OLD_LINE = re.compile(
    r"""^\s*print\s+[\w"'%(]|^\s*exec\s+["'\w]|^\s*raise\s+[\w.]+\s*,|<>|\b\d+[lL]\b"""
    r"""|\b[uU][rR]["']|`[\w.()]+`|^\s*print\s*$"""
)


class Flaw(NamedTuple):
    """Why a file cannot be read as its kind.

    Attributes:
        line: from 1; 0 where no line is to blame.
        kind: `broken`, `python2` and `template` are the app's; `newer` and `deep` are our parsers'.
    """

    line: int
    message: str
    kind: str

    @property
    def is_the_apps(self) -> bool:
        """Whether the file itself is the reason, and not its reader."""
        return self.kind in ("broken", "python2", "template")

    @property
    def reason(self) -> Reason:
        """In one line, for coverage."""
        where = f"line {self.line}: " if self.line else ""
        match self.kind:
            case "broken":
                return broken(f"{where}{self.message}")
            case "python2":
                return broken(f"Python 2 source: {where}{self.message}")
            case "template":
                return Reason(self.message, SkipCause.BROKEN)
            case "newer":
                text = f"newer syntax than this parser reads: {where}{self.message}"
                return Reason(text, SkipCause.OTHER)
            case _:
                return Reason(self.message, SkipCause.OTHER)


async def python_flaws(
    run: ToolRun, names: Sequence[str], execute: Execute, *, depth: int = ANY_DEPTH
) -> dict[str, Flaw]:
    """Files that do not parse, or whose syntax tree is deeper than `depth`."""
    if not names:
        return {}
    python = str(run.tools_dir / "venv/bin/python")
    argv = (python, "-I", "-c", _PROBE, str(depth))
    done = await execute(Command(argv, cwd=run.source.root, stdin="\0".join(names).encode()))
    version, bad = load_json(done.stdout, "parse probe")
    flaws = {name: Flaw(*entry) for name, entry in bad.items()}
    broken = [name for name, flaw in flaws.items() if flaw.kind == "broken"]
    newer = await _newer(run, broken[:_MAX_ASKED], version, execute)
    for name in broken:
        flaws[name] = _named(run, name, flaws[name], version, name in newer)
    return flaws


def _named(run: ToolRun, name: str, flaw: Flaw, version: Sequence[int], newer: bool) -> Flaw:
    """`flaw` by the text: another encoding, another Python."""
    data = (run.source.root / name).read_bytes()
    if as_utf8(data) is not data:
        return Flaw(
            1, "UTF-16 or UTF-32; Python reads UTF-8 unless the file says otherwise", "broken"
        )
    if "null byte" in flaw.message:
        line = data[: data.find(b"\0")].count(b"\n") + 1
        return Flaw(line, "NUL bytes in its text", "broken")
    lines = lines_of(data.decode(errors="replace"))
    text = lines[flaw.line - 1] if 0 < flaw.line <= len(lines) else ""
    if _OLD_EXCEPT.search(text) or (
        not newer and (flaw.message.startswith(_PYTHON_2) or _OLD_LINE.search(text))
    ):
        return flaw._replace(kind="python2")
    if newer:
        return flaw._replace(kind="newer", message=f"not for Python {'.'.join(map(str, version))}")
    if text.lstrip().startswith(("```", "~~~")):
        return flaw._replace(message=f"{flaw.message} (a Markdown code fence)")
    return flaw


async def _newer(
    run: ToolRun, names: Sequence[str], version: Sequence[int], execute: Execute
) -> frozenset[str]:
    """The `names` in which Ruff finds nothing wrong except syntax of a later Python."""
    if not names:
        return frozenset()
    argv = (
        *(str(run.tools_dir / "venv/bin/ruff"), "check", "--isolated", "--no-cache", "--preview"),
        *("--config", "exclude=[]", "--no-respect-gitignore", "--select", "E9", "--exit-zero"),
        *("--target-version", f"py{version[0]}{version[1]}", "--output-format", "json", "--"),
        *(f"./{name}" for name in names),
    )
    try:
        done = await execute(Command(argv, cwd=run.source.root))
    except ToolFault:  # it crashes on deep nesting: then nobody can say that the file is newer
        return frozenset()
    items: Sequence[Mapping[str, Any]] = load_json(done.stdout, "ruff")
    messages_of: dict[str, list[str]] = {}
    for item in items:
        if item["code"] in _UNPARSED:
            name = str(item["filename"]).removeprefix(f"{run.source.root}/")
            messages_of.setdefault(name, []).append(item["message"])
    return frozenset(
        name
        for name, messages in messages_of.items()
        if all(_ADDED in message for message in messages)
    )
