"""YAML of a stranger as plain data: bounded in size, depth, aliases and expanded nodes."""

import re
from typing import Any, cast

import yaml

from clients.appfolder.faults import AppFault, unsupported

MAX_ALIASES = 50
MAX_DEPTH = 32
MAX_EVENTS = 20_000
MAX_NODES = 50_000
_MAX_NESTING = 8
_DOLLAR = "\0"
_REPLACED = frozenset({"bool", "int", "float", "timestamp"})
_VARIABLE = re.compile(
    r"\$(?:(?P<name>[A-Za-z_]\w*)"
    r"|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<op>:?[-?+])(?P<word>[^{}]*))?\})"
)


class _Loader(yaml.SafeLoader):
    """The words of YAML 1.2, as Docker Compose reads them.

    `on`, `yes` and `NO` are words, `22:22` is no number to the base of 60, a date is a word.
    """


_Loader.yaml_implicit_resolvers = {
    first: [one for one in rules if one[0].rpartition(":")[2] not in _REPLACED]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _words, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[0-9][0-9_]*[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_words})$"), list(_first)
    )


def load_document(text: str, what: str) -> dict[str, Any]:
    """The mapping that `text` holds.

    Raises:
        AppFault: no YAML, no mapping, or larger than the bounds of this module.
    """
    try:
        _check_events(text, what)
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.constructor.ConstructorError as error:
        tag = re.search(r"for the tag '(![^!'][^']{0,40})'", str(error))
        if tag is not None:
            raise unsupported(f"{what}: the YAML tag {tag[1]}") from error
        raise AppFault("build", f"{what}: not valid YAML: {_first_line(error)}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise AppFault("build", f"{what}: not valid YAML: {_first_line(error)}") from error
    if not isinstance(document, dict):
        raise AppFault("build", f"{what}: expected a mapping with `services`")
    _check_expanded(document, what)
    return cast("dict[str, Any]", document)


def _check_events(text: str, what: str) -> None:
    """Refuse, before building them, documents that are deep or whose aliases could multiply."""
    aliases = depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if aliases > MAX_ALIASES or depth > MAX_DEPTH or count > MAX_EVENTS:
            raise AppFault("build", f"{what}: too deep, too large or too many aliases")


def _check_expanded(document: Any, what: str) -> None:
    """Count nodes as if every alias were written out; ends at the bound."""
    pending, seen = [document], 0
    while pending:
        node = pending.pop()
        seen += 1
        if seen > MAX_NODES:
            raise AppFault("build", f"{what}: aliases expand to more than {MAX_NODES} nodes")
        if isinstance(node, dict):
            pending.extend(cast("dict[Any, Any]", node).values())
        elif isinstance(node, list):
            pending.extend(cast("list[Any]", node))


def interpolate(node: Any, variables: dict[str, str]) -> Any:
    """`node` with `$VAR` and `${VAR:-default}` in every string replaced; `$$` is a dollar sign.

    Raises:
        AppFault: a `${VAR:?message}` whose variable is not set.
        PlatformError: a form of variable that is not supported.
    """
    if isinstance(node, str):
        return _interpolate_text(node, variables)
    if isinstance(node, dict):
        return {
            key: interpolate(value, variables)
            for key, value in cast("dict[Any, Any]", node).items()
        }
    if isinstance(node, list):
        return [interpolate(value, variables) for value in cast("list[Any]", node)]
    return node


def _interpolate_text(text: str, variables: dict[str, str]) -> str:
    """From the innermost variable outwards: a default may be a variable with a default itself."""
    text = text.replace("$$", _DOLLAR)
    for _ in range(_MAX_NESTING):
        found = _VARIABLE.sub(lambda match: _value(match, variables).replace("$", _DOLLAR), text)
        if found == text:
            break
        text = found
    if "${" in text:
        raise unsupported(f"compose file: the variable in {text.replace(_DOLLAR, '$')[:80]!r}")
    return text.replace(_DOLLAR, "$")


def _value(match: re.Match[str], variables: dict[str, str]) -> str:
    name, operator, word = match["name"] or match["braced"], match["op"] or "", match["word"] or ""
    value = variables.get(name)
    present = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("-"):
        return (value or "") if present else word
    if operator.endswith("+"):
        return word if present else ""
    if operator.endswith("?") and not present:
        raise AppFault(
            "build", f"compose file: variable {name} is required and .env does not set it"
        )
    return value or ""


def _first_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
