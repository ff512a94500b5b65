"""Makes reference pages and JSON Schemas from the code: specs, tools, options, exit codes.

python -m tests.support.reference
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from contract.analysis import Severity
from contract.analyzers import AnalyzerKind
from contract.base import Authored, meanings, summary
from contract.protocol import json_schema as protocol_schema
from contract.ranking import RankingSpec
from contract.schedule import NotifySpec, ScheduleSpec
from contract.secret import SecretRef
from contract.spec import AppsSpec, BreakerSpec, PipelineSpec
from contract.template import Endpoint, Requirement, TemplateSpec
from control.choices import secret_names
from control.declared import options_of
from control.schemas import app_schema, report_schema, spec_schema, tables_schema
from tests.support.api_page import page as api_page
from tests.support.cli_reference import page as cli_page
from tests.support.tables_page import page as tables_page

_NAMED_WORDS = 12
DOCS = Path(__file__).parents[2] / "docs"
_HEAD = """# Reference

`python -m tests.support.reference` makes this page from the code; a test keeps it current. JSON
Schemas: [spec](schemas/spec.schema.json) and [report.json](schemas/report.schema.json) (also
printed by `assay schema spec` and `schema report`), [analyzer protocol](protocol.schema.json).
An editor that knows YAML schemas checks a spec that begins with
`# yaml-language-server: $schema=PATH/docs/schemas/spec.schema.json`.

```yaml
apps: {root: fleet, only: [some-model/app1, some-model/app3]}
analyzers: [static, dynamic]
tools: {static: [bandit, ruff]}
options:
  dynamic: {auth_username: ann, auth_password: {env: ASSAY_LOGIN_ANN}, wapiti_limit_s: 60}
```
"""
EXAMPLE = _HEAD.split("```yaml\n")[1].split("```")[0]
_LOGIN = """
A login is a reference, never a value: the worker looks it up for the one call that needs it
([operations](operations.md#logins)). An option without a default is set only by a spec.
"""


_PARTS: Mapping[str, type[Authored]] = {
    "apps": AppsSpec,
    "breaker": BreakerSpec,
    "ranking": RankingSpec,
    "schedule": ScheduleSpec,
    "notify": NotifySpec,
    "template": TemplateSpec,
    "requirements": Requirement,
    "endpoints": Endpoint,
}
_SHOWN = {model.__name__: f"see `{name}`" for name, model in _PARTS.items()} | {
    "SecretRef": "reference"
}


def reference() -> str:
    """The page."""
    parts = [_HEAD, "## Spec", *_spec(), "## Tools\n", *_tools(), "## Options", _LOGIN, *_options()]
    return "\n".join((*parts, *_exit_codes()))


def _spec() -> Iterator[str]:
    yield f"\n{summary(PipelineSpec)}\n"
    yield fields(PipelineSpec)
    for title, model in _PARTS.items():
        yield f"### `{title}`\n\n{summary(model)}\n"
        yield fields(model)


def _tools() -> Iterator[str]:
    for kind in AnalyzerKind:
        tools: Iterable[Any] = importlib.import_module(f"analyzers.{kind}.tools").TOOLS
        rows = [(f"`{tool.name}`", _first_line(tool)) for tool in tools]
        yield f"### `{kind}`\n"
        yield table(("tool", "looks at"), rows)
    yield from _severities()


def _severities() -> Iterator[str]:
    """Each tool's own words on the one scale of severities."""
    yield "## Severities\n"
    yield "Each tool's words on one scale. A word that is not here is an error, never a default.\n"
    tables: dict[int, tuple[Any, list[str]]] = {}
    for kind in AnalyzerKind:
        for tool in importlib.import_module(f"analyzers.{kind}.tools").TOOLS:
            if grades := getattr(tool, "grades", None):
                tables.setdefault(id(grades), (grades, []))[1].append(f"`{tool.name}`")
    yield table(
        ("tool", "its word", *Severity),
        [
            (", ".join(names), grades.called, *(_words(grades.scale, each) for each in Severity))
            for grades, names in tables.values()
        ],
    )


def _words(scale: Mapping[str, Severity], severity: Severity) -> str:
    """The words of a severity; of many, how many there are."""
    words = [word for word, grade in scale.items() if grade is severity]
    if len(words) > _NAMED_WORDS:
        return f"{', '.join(words[:_NAMED_WORDS])} and {len(words) - _NAMED_WORDS} more"
    return ", ".join(words)


def _first_line(tool: Any) -> str:
    """The first line of the tool's module."""
    text = str(sys.modules[type(tool).__module__].__doc__).splitlines()[0]
    return text[0].upper() + text[1:] if text.startswith("our") else text


def _options() -> Iterator[str]:
    for kind in AnalyzerKind:
        model = options_of(kind)
        yield f"### `{kind}`\n\n{summary(model)}\n"
        if model.model_fields:
            yield fields(model, secret_names(model))
    yield f"### A reference\n\n{summary(SecretRef)}\n"
    yield fields(SecretRef)


def _exit_codes() -> Iterator[str]:
    """The exit codes of the command line."""
    try:
        codes: Iterable[Any] = importlib.import_module("cli.exits").Exit
    except ModuleNotFoundError:
        return
    yield "## Exit codes\n"
    yield table(("code", "means"), [(f"{int(code)}", code.meaning) for code in codes])


def fields(model: Any, secret: Iterable[str] = ()) -> str:
    """A model's fields as a table."""
    schema = model.model_json_schema()
    texts, required = meanings(model), schema.get("required", ())
    rows: list[tuple[str, ...]] = []
    for name, field in schema["properties"].items():
        kind = "reference" if name in secret else _type(field, schema.get("$defs", {}))
        default = "**required**" if name in required else _shown(field.get("default"))
        rows.append((f"`{name}`", kind, default, texts.get(name, "")))
    return table(("field", "type", "default", "meaning"), rows)


def _type(field: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return _SHOWN.get(name) or _type(shared[name], shared)
    for word in ("anyOf", "oneOf"):
        if word in field:
            kinds = [_type(one, shared) for one in field[word] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return " or ".join(f"`{one}`" for one in field["enum"])
    match field.get("type"):
        case "array" if "prefixItems" in field:
            return f"{len(field['prefixItems'])} x {_type(field['prefixItems'][0], shared)}"
        case "array":
            parts = field.get("prefixItems") or [field.get("items", {"type": "value"})]
            return f"list of: {', '.join(_type(part, shared) for part in parts)}"
        case "object":
            return "mapping"
        case kind:
            return f"{kind}{_range(field)}"


def _range(field: Mapping[str, Any]) -> str:
    words = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {_number(field[key])}" for key, word in words.items() if key in field]
    return f", {' '.join(limits)}" if limits else ""


def _number(value: float) -> str:
    return f"{value:.15g}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f"`{value}`".lower()
        case int() | float():
            return f"`{_number(value)}`"
        case list():
            shown = (f"{one:g}" if isinstance(one, float) else str(one) for one in value)
            return f"`{', '.join(shown)}`"
        case dict():
            return "" if value else "none"
        case _:
            return f"`{value}`"


def table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [tuple(head), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in lines]
    written = [f"| {' | '.join(row)} |" for row in escaped]
    written.insert(1, "|" + "---|" * len(lines[0]))
    return "\n".join(written) + "\n"


def _json(make: Callable[[], Any]) -> Callable[[], str]:
    return lambda: json.dumps(make(), indent=1) + "\n"


PAGES: Mapping[Path, Callable[[], str]] = {
    DOCS / "reference.md": reference,
    DOCS / "cli.md": cli_page,
    DOCS / "api-operations.md": api_page,
    DOCS / "schemas" / "spec.schema.json": _json(spec_schema),
    DOCS / "tables.md": tables_page,
    DOCS / "schemas" / "report.schema.json": _json(report_schema),
    DOCS / "schemas" / "app.schema.json": _json(app_schema),
    DOCS / "schemas" / "tables.schema.json": _json(tables_schema),
    DOCS / "protocol.schema.json": _json(protocol_schema),
}


def main() -> None:
    """Write every page."""
    for path, text in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
