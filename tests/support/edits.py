"""Edits of source files after which a person would call a finding the same, or another one."""

import ast
import builtins
import re
from collections.abc import Callable, Mapping

Edit = Callable[[str, str], str]
"""From the file's suffix and text to the new text."""


def moved_down(suffix: str, text: str) -> str:
    """Comments and blank lines at the top."""
    mark = "#" if suffix == ".py" else "//"
    return f"{mark} Copyright of nobody.\n\n" * 20 + text


def new_neighbours(suffix: str, text: str) -> str:
    """A new function at the end, and a new statement at the top."""
    if suffix == ".py":
        return f"import textwrap\n{text}\n\ndef added(value):\n    return textwrap.dedent(value)\n"
    return f"const added = (value) => value + 1;\n{text}\nfunction more(a) {{ return added(a) }}\n"


def commented(suffix: str, text: str) -> str:
    """A comment before each line that begins a statement of a function."""
    mark = "#" if suffix == ".py" else "//"
    return re.sub(
        r"(?m)^([ ]{2,4})(?=(?:return|if|const|let|\w+ = |with) ?\w)",
        lambda hit: f"{hit[1]}{mark} what follows\n{hit[1]}",
        text,
    )


def reformatted(suffix: str, text: str) -> str:
    """Another layout: one statement per line and single quotes, or other quotes without `;`."""
    if suffix == ".py":
        return ast.unparse(ast.parse(text))
    text = re.sub(r"'([^'\"\n`]*)'", r'"\1"', text)
    return re.sub(r"(?m);$", "", re.sub(r"(?m)^(\s+)", r"\1\1", text))


def wrapped(suffix: str, text: str) -> str:
    """Calls and lists over several lines, one argument on each."""
    return re.sub(r"(?m)^(\s+)(.*\w\()([^()\n]+), ([^()\n]+)\)(;?)$", _on_lines, text)


def _on_lines(hit: re.Match[str]) -> str:
    pad = f"{hit[1]}    "
    return f"{hit[1]}{hit[2]}\n{pad}{hit[3]},\n{pad}{hit[4]},\n{hit[1]}){hit[5]}"


def renamed(suffix: str, text: str) -> str:
    """Other names for the local variables of functions."""
    if suffix == ".py":
        return ast.unparse(_Renamed().visit(ast.parse(text)))
    names = set(re.findall(r"(?m)^[ \t]+(?:const|let|var) (\w+) =", text))
    used = (
        re.compile(rf"(?<![\w.'\"/])({'|'.join(sorted(names))})\b(?!\s*:|['\"-])")
        if names
        else None
    )
    parts = re.split(r"('[^'\n]*'|\"[^\"\n]*\")", text)
    return "".join(
        part if used is None or part[:1] in "'\"" else used.sub(r"\1Value", part) for part in parts
    )


class _Renamed(ast.NodeTransformer):
    def __init__(self) -> None:
        self._local: frozenset[str] = frozenset()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        stored = (
            child.id
            for child in ast.walk(node)
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
        )
        self._local = frozenset(stored) - frozenset(dir(builtins))
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = f"{node.id}_value" if node.id in self._local else node.id
        return ast.Name(name, node.ctx)


def other_line_ends(suffix: str, text: str) -> str:
    """Lines end as on Windows, and carry blanks."""
    return text.replace("\n", "\r\n") if suffix == ".py" else text.replace("\n", "  \r\n")


def reordered(suffix: str, text: str) -> str:
    """Functions and routes in the reverse order."""
    start = r"(?m)^(?=@|def |app\.(?:get|post|put|delete)\(|function )"
    if suffix == ".py":
        start = r"(?m)^(?=(?:@[^\n]+\n)+def )"
    head, *parts = re.split(start, text)
    if len(parts) < 3:
        return text
    *movable, last = parts
    return head + "".join(reversed([f"{part.rstrip()}\n\n\n" for part in movable])) + last


def logged(suffix: str, text: str) -> str:
    """A call of a logger as the first statement of each function."""
    if suffix == ".py":
        return re.sub(r"(?m)^(def \w+\(.*\):\n)", r'\1    print("called")\n', text)
    return re.sub(r"(?m)^(.*=> \{)$", r'\1\n  console.log("called");', text)


SAME: Mapping[str, Edit] = {
    "lines moved down": moved_down,
    "new code around it": new_neighbours,
    "comments": commented,
    "reformatted": reformatted,
    "wrapped calls": wrapped,
    "variables renamed": renamed,
    "line ends and blanks": other_line_ends,
    "functions reordered": reordered,
    "logging added": logged,
}
