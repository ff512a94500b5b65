"""Checks of YAML files, as a process of its own: what no parser takes, and keys that hide others.

In and out as `own_check.py` says. Nothing is built from a document: nodes are only looked at.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import yaml

_MAX_BYTES = 1024 * 1024
_TEMPLATE_MARKS = (b"{{", b"{%", b"<%")

Hit = tuple[str, int, str]


def main() -> None:
    """Check the files named on standard input."""
    names = sys.stdin.read().split("\n")
    errors: dict[str, str] = {}
    findings: list[dict[str, Any]] = []
    for name in names:
        try:
            with open(name, "rb") as file:
                hits = list(check(file.read(_MAX_BYTES + 1)))
        except (ValueError, RecursionError) as error:
            errors[name] = f"{type(error).__name__}: {error}"[:300]
            continue
        findings += [
            {"rule": rule, "path": name, "line": line, "message": message}
            for rule, line, message in hits
        ]
    json.dump({"files": names, "errors": errors, "findings": findings}, sys.stdout)


def check(text: bytes) -> Iterator[Hit]:
    """Findings of one file. Raises: ValueError, RecursionError where it is not to be judged."""
    if len(text) > _MAX_BYTES:
        raise ValueError("larger than 1 MiB")
    try:
        for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
            yield from _repeated(document)
    except yaml.YAMLError as error:
        if any(mark in text for mark in _TEMPLATE_MARKS):
            raise ValueError("a template that is no YAML yet") from None
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "no YAML"
        yield "yaml-syntax", (mark.line if mark else 0) + 1, f"No parser takes this: {problem}."


def _repeated(document: yaml.Node | None) -> Iterator[Hit]:
    """Keys that stand twice in one mapping: the first value is lost without a word."""
    seen_nodes: set[int] = set()
    stack = [document]
    while stack:
        node = stack.pop()
        if node is None or id(node) in seen_nodes:
            continue
        seen_nodes.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.MappingNode):
            yield from _twice(node)
            stack += [part for pair in node.value for part in pair]


def _twice(node: yaml.MappingNode) -> Iterator[Hit]:
    first: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != "<<":
            line = int(key.start_mark.line) + 1
            name = str(key.value)
            if name in first:
                yield "yaml-duplicate-key", line, f"{name[:200]} stands on line {first[name]} too."
            first.setdefault(name, line)


if __name__ == "__main__":
    main()
