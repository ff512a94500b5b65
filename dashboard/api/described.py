"""What the API says of itself: OpenAPI 3.1, in which every error is a problem document."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from dashboard.known import TOKEN
from dashboard.problems import Problem

_KIND = "application/problem+json"
# Where nothing else is said: a token, or none on the machine of the dashboard.
_READING = [{TOKEN.scheme_name: []}, {}]
_ERRORS = {
    HTTPStatus.BAD_REQUEST: "What was asked is wrong; `lines` names each wrong field.",
    HTTPStatus.UNAUTHORIZED: "A token with the scope that this needs is missing.",
    HTTPStatus.FORBIDDEN: "The request came from a page of somebody else, or under a foreign name.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "As things are, it cannot be done.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is too large.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The query is too long.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; ask again later.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A result is damaged, or Assay has an error.",
    HTTPStatus.NOT_IMPLEMENTED: "This installation cannot do it.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The store, the Temporal server or the worker is away.",
    HTTPStatus.GATEWAY_TIMEOUT: "A part of the installation took too long.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status.value: {"model": Problem, "description": text} for status, text in _ERRORS.items()
}


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the API."""
    if app.openapi_schema is None:
        app.openapi_schema = _corrected(FastAPI.openapi(app))
    return app.openapi_schema


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's own document with the errors as they are really answered."""
    for path in document["paths"].values():
        for operation in path.values():
            operation["summary"] = _first_sentence(operation.get("description", ""))
            operation.setdefault("security", _READING)
            answers = operation["responses"]
            answers.pop("422", None)  # wrong parameters are answered with 400
            for status, answer in answers.items():
                content = answer.get("content", {})
                if int(status) >= HTTPStatus.BAD_REQUEST and "application/json" in content:
                    content[_KIND] = content.pop("application/json")
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".")
