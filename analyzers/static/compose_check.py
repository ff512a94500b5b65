"""Checks of container files in a separate process: a stranger's YAML may be deep or endless.

`own_check.py` describes input and output.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

_MAX_BYTES = 512 * 1024
_MAX_NODES = 20_000
_SECRET_NAME = re.compile(r"(?i)(pass(word|wd)?|secret|token|api_?key|private_?key)$")
_DATABASE_IMAGE = re.compile(r"(?i)^(.*/)?(postgres|mysql|mariadb|mongo|redis|memcached)(:|@|$)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LOOPBACK = ("127.", "[::1]", "::1", "localhost")

Node = yaml.nodes.Node
Hit = tuple[str, int, str]


def main() -> None:
    """Check the files named on standard input."""
    names = sys.stdin.read().split("\n")
    errors: dict[str, str] = {}
    findings: list[dict[str, Any]] = []
    for name in names:
        try:
            with open(name, "rb") as file:
                text = file.read(_MAX_BYTES + 1)
            hits = list(check(name, text))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            errors[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"[:300]
            continue
        findings += [
            {"rule": rule, "path": name, "line": line, "message": message}
            for rule, line, message in hits
        ]
    json.dump({"files": names, "errors": errors, "findings": findings}, sys.stdout)


def check(name: str, text: bytes) -> Iterator[Hit]:
    """Findings of one file. Raises: ValueError, YAMLError, RecursionError if it is unreadable."""
    if len(text) > _MAX_BYTES:
        raise ValueError("larger than 512 KiB")
    if not name.endswith((".yml", ".yaml")):
        yield from check_dockerfile(text.decode(errors="replace"))
    else:
        yield from check_compose(yaml.compose(text, Loader=yaml.SafeLoader))


def check_dockerfile(text: str) -> Iterator[Hit]:
    """Checks that Hadolint lacks: no user at all, and secrets that stay in the image."""
    if not text.strip():
        raise ValueError("empty file")
    user_line, last_from = 0, 1
    for number, word, words in _instructions(text):
        if word == "FROM":
            user_line, last_from = 0, number
        elif word == "USER":
            user_line = number
        elif word in ("ENV", "ARG"):
            for key, value in re.findall(r"(\w+)[= ]\s*[\"']?([^\s\"'\\]+)", words):
                if _SECRET_NAME.search(key) and not value.startswith("$"):
                    yield "dockerfile-secret", number, f"{key} stays in every layer of the image."
    if user_line == 0:
        yield "dockerfile-root", last_from, "The process runs as root: no USER in the last stage."


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, instruction, its words on this line); an instruction may span several lines."""
    word = ""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        words = line.strip()
        if words.startswith("#"):
            continue
        if not word:
            first, _, words = words.partition(" ")
            word = first.upper()
        yield number, word, words
        if not line.rstrip().endswith("\\"):
            word = ""


def check_compose(document: Node | None) -> Iterator[Hit]:
    """Findings of a compose file, read as a tree of nodes: no objects are made from it."""
    if _count(document) > _MAX_NODES:
        raise ValueError("too many nodes")
    services = _get(document, "services")
    if not isinstance(services, yaml.MappingNode):
        raise ValueError("no mapping of services")
    for key, service in services.value:
        if isinstance(service, yaml.MappingNode):
            yield from _check_service(str(key.value), service)


def _check_service(name: str, service: Node) -> Iterator[Hit]:
    for key, wanted, rule in (
        ("privileged", "true", "compose-privileged"),
        ("network_mode", "host", "compose-host-network"),
        ("pid", "host", "compose-host-pid"),
        ("ipc", "host", "compose-host-ipc"),
    ):
        node = _get(service, key)
        if isinstance(node, yaml.ScalarNode) and str(node.value).lower() == wanted:
            yield rule, _line(node), f"Service {name}: {key} is {wanted}."
    for item in _items(_get(service, "cap_add")):
        if _text(item).upper().removeprefix("CAP_") in ("ALL", "SYS_ADMIN", "NET_ADMIN"):
            yield "compose-capability", _line(item), f"Service {name} gets {_text(item)}."
    for item in _items(_get(service, "volumes")):
        source = _text(_get(item, "source") or item)
        if "docker.sock" in source:
            yield "compose-docker-socket", _line(item), f"Service {name} may command Docker."
        elif re.match(r"^/(etc|root|proc|sys|var/run)?(:|/|$)", source) and source[:1] == "/":
            yield "compose-host-folder", _line(item), f"Service {name} mounts {source}."
    yield from _check_environment(name, service)
    yield from _check_ports(name, service)


def _check_environment(name: str, service: Node) -> Iterator[Hit]:
    environment = _get(service, "environment")
    pairs: list[tuple[str, str, Node]] = []
    if isinstance(environment, yaml.MappingNode):
        pairs = [(_text(key), _text(value), key) for key, value in environment.value]
    for item in _items(environment):
        key, _, value = _text(item).partition("=")
        pairs.append((key, value, item))
    for key, value, node in pairs:
        if _SECRET_NAME.search(key) and value and not value.startswith(("$", "/run/")):
            yield "compose-secret", _line(node), f"Service {name}: {key} is written in the file."


def _check_ports(name: str, service: Node) -> Iterator[Hit]:
    if not _DATABASE_IMAGE.match(_text(_get(service, "image"))):
        return
    for item in _items(_get(service, "ports")):
        if isinstance(item, yaml.MappingNode):
            address, is_open = _text(_get(item, "host_ip")), bool(_text(_get(item, "published")))
        else:
            address, is_open = _text(item), ":" in _text(item)
        if is_open and not address.startswith(_LOOPBACK):
            yield "compose-open-database", _line(item), f"Service {name} is open on every address."


def _get(node: Node | None, key: str) -> Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if _text(name) == key:
                return value
    return None


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _count(root: Node | None) -> int:
    seen: set[int] = set()
    stack = [root]
    while stack and len(seen) <= _MAX_NODES:
        node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.MappingNode):
            stack += [part for pair in node.value for part in pair]
    return len(seen)


if __name__ == "__main__":
    main()
