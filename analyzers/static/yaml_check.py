"""Checks of YAML files in a separate process: files that no parser accepts, and repeated keys.

`own_check.py` describes input and output. We only look at nodes and make no objects from them.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

_MAX_BYTES = 1024 * 1024
_STRANGE = re.compile(f"{yaml.reader.Reader.NON_PRINTABLE.pattern}|\ufffd")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
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
    """Findings of one file. Raises: ValueError, RecursionError where it cannot be judged."""
    if len(text) > _MAX_BYTES:
        raise ValueError("larger than 1 MiB")
    try:
        for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
            yield from _repeated(document)
    except yaml.YAMLError as error:
        if any(mark in text for mark in _TEMPLATE_MARKS):
            raise ValueError("a template that is no YAML yet") from None
        problem = getattr(error, "problem", None) or "no YAML"
        yield "yaml-syntax", _line_of(error, text), f"No parser takes this: {problem}."


def _line_of(error: yaml.YAMLError, text: bytes) -> int:
    """The line where the text stops being YAML, in lines as YAML counts them."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        readable = text.decode("utf-16", errors="replace")
    else:
        readable = text.decode(errors="replace")
    strange = _STRANGE.search(readable.replace("\ufeff", " "))
    before = readable[: strange.start()] if strange else ""
    return len(_LINE_END.findall(before)) + 1


def _repeated(document: yaml.Node | None) -> Iterator[Hit]:
    """Keys that occur twice in one mapping: the first value is lost silently."""
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
