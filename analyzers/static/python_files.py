"""Asks the tools' own Python which files of an app it can parse, and measures without the others.

One file that does not parse, or nests too deep, ends some tools; the others are measured all the
same and the culprit is named.
"""

from collections.abc import Awaitable, Callable, Sequence

from analyzers.runtime.tool import Command, Execute, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import load_json, with_skipped

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
            bad[name] = f"nested {depth} deep"
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        bad[name] = f"{type(error).__name__}: {error}"
print(json.dumps(bad))
"""
_ANY_DEPTH = 1_000_000

Measure = Callable[[ToolRun, Sequence[str], Execute], Awaitable[Parsed]]


async def unparsable(
    run: ToolRun, names: Sequence[str], execute: Execute, *, depth: int = _ANY_DEPTH
) -> dict[str, str]:
    """Files that do not parse or whose syntax tree is deeper than `depth`, each with the reason."""
    python = str(run.tools_dir / "venv/bin/python")
    argv = (python, "-I", "-c", _PROBE, str(depth))
    done = await execute(Command(argv, cwd=run.source.root, stdin="\0".join(names).encode()))
    reasons: dict[str, str] = load_json(done.stdout, "parse probe")
    return reasons


async def sparing(
    measure: Measure, run: ToolRun, given: Sequence[str], execute: Execute, *, depth: int
) -> Parsed:
    """`measure`; where the tool dies of it, once more without the files it may have died of.

    Raises:
        ToolFault: no file is to blame, or all of them.
    """
    try:
        return await measure(run, given, execute)
    except ToolFault:
        culprits = await unparsable(run, given, execute, depth=depth)
        rest = [name for name in given if name not in culprits]
        if not culprits or not rest:
            raise
    return with_skipped(await measure(run, rest, execute), culprits)
