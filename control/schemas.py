"""JSON Schemas of what people write and programs read: the spec, and the documents of a report."""

from collections.abc import Callable
from typing import Any

from contract.analyzers import AnalyzerKind
from contract.spec import PipelineSpec
from control.choices import secret_names
from control.declared import options_of, tools_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def spec_schema() -> Schema:
    """What a spec may hold, with the names of all tools and options. Loads all analyzers."""
    schema = PipelineSpec.model_json_schema()
    shared: Schema = schema["$defs"]
    properties: Schema = schema["properties"]
    tools = {kind.value: _tools(kind) for kind in AnalyzerKind}
    options = {kind.value: _options(kind, shared) for kind in AnalyzerKind}
    properties["tools"] |= _only(tools)
    properties["options"] |= _only(options)
    return {"$schema": _DIALECT, **schema, "title": "Assay pipeline spec"}


def report_schema() -> Schema:
    """What `report.json` holds."""
    from reports.model import FleetReport

    schema = FleetReport.model_json_schema(mode="serialization")
    return {"$schema": _DIALECT, **schema, "title": "Assay report.json"}


def app_schema() -> Schema:
    """What the document of one app (`apps/NAME.json`) holds."""
    from reports.model import AppReport

    schema = AppReport.model_json_schema(mode="serialization")
    return {"$schema": _DIALECT, **schema, "title": "Assay apps/NAME.json"}


def tables_schema() -> Schema:
    """What the rows of each table hold, in Parquet and CSV."""
    from reports.tables.rows import tables_schema as of_tables

    return {"$schema": _DIALECT, **of_tables()}


SCHEMAS: dict[str, Callable[[], Schema]] = {
    "spec": spec_schema,
    "report": report_schema,
    "app": app_schema,
    "tables": tables_schema,
}


def _only(properties: Schema) -> Schema:
    """Keywords for an object of these fields."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _tools(kind: AnalyzerKind) -> Schema:
    names = {"type": "string", "enum": list(tools_of(kind))}
    return {"type": "array", "items": names, "minItems": 1, "uniqueItems": True}


def _options(kind: AnalyzerKind, shared: Schema) -> Schema:
    """One analyzer's options as a spec gives them: a secret is a reference, never a value."""
    model = options_of(kind)
    schema = model.model_json_schema()
    shared |= schema.pop("$defs", {})
    for name in secret_names(model):
        field = schema["properties"][name]
        schema["properties"][name] = {
            "$ref": "#/$defs/SecretRef",
            "description": field["description"],
        }
    shared[model.__name__] = schema
    return {"$ref": f"#/$defs/{model.__name__}"}
