"""Where a probe can put a value: one parameter of one operation, with plausible other values."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from analyzers.dynamic.surface import Operation, Parameter, ServiceSurface

NUMERIC = re.compile(
    r"(^|_)(id|count|quantity|qty|amount|price|cents|age|page|limit|number)$", re.I
)
SECRET = re.compile(r"pass|pwd|csrf|token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InsertionPoint:
    """One input of one operation."""

    operation: Operation
    parameter: Parameter

    def request(
        self, value: str, others: dict[str, str] | None = None
    ) -> tuple[str, str, dict[str, Any]]:
        """Method, path and content of a request that carries `value` here."""
        return build(self.operation, {self.parameter.name: value}, others)


def insertion_points(surface: ServiceSurface) -> list[InsertionPoint]:
    """Every input worth trying, without those that delete or take a password."""
    found = [
        InsertionPoint(operation, parameter)
        for operation in surface.operations
        if operation.method in {"GET", "POST", "PUT", "PATCH"}
        for parameter in operation.parameters
        if parameter.place != "file" and not SECRET.search(parameter.name)
    ]
    return sorted(
        found, key=lambda point: (bool(point.operation.effect), point.parameter.place == "path")
    )


def build(
    operation: Operation, values: dict[str, Any], base: dict[str, str] | None = None
) -> tuple[str, str, dict[str, Any]]:
    """Method, path and content of a request; inputs without a value get a plausible one."""
    filled = (
        {parameter.name: plausible(parameter) for parameter in operation.parameters}
        | (base or {})
        | values
    )
    path = operation.url(
        {
            parameter.name: quote(str(filled[parameter.name]), safe="")
            for parameter in operation.named("path")
        }
    )
    query = "&".join(
        f"{quote(parameter.name)}={quote(str(filled[parameter.name]), safe='')}"
        for parameter in operation.named("query")
    )
    places = {parameter.place for parameter in operation.parameters}
    content: dict[str, Any] = {}
    for place, keyword in (("json", "json"), ("form", "data")):
        fields = {parameter.name: filled[parameter.name] for parameter in operation.named(place)}
        if fields and (place == "json" or "json" not in places):
            content[keyword] = fields
    return operation.method, path + (f"?{query}" if query else ""), content


def plausible(parameter: Parameter) -> Any:
    """A harmless value of the right kind."""
    if parameter.place == "json" and parameter.kind in {"integer", "number"}:
        return 1
    if parameter.place == "json" and parameter.kind == "boolean":
        return True
    if parameter.place == "json" and parameter.kind in {"object", "array"}:
        return {} if parameter.kind == "object" else []
    if parameter.example and not SECRET.search(parameter.name):
        return parameter.example
    if NUMERIC.search(parameter.name) or parameter.place == "path":
        return 1 if parameter.place == "json" else "1"
    return "Assay-Pw-1!" if "pass" in parameter.name.lower() else "a"
