"""The two kinds of model: values that machines exchange, and documents that people write."""

import inspect
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema

_FIELDS = re.compile(r"^Attributes:\n((?:[ ]+.*\n?|\n)*)", re.MULTILINE)
_FIELD = re.compile(r"^    ((?:`?\w+`?, )*`?\w+`?): (.*(?:\n      .*)*)", re.MULTILINE)


class _Documented(BaseModel):
    """A model whose JSON Schema describes each field with the words of its docstring."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core_schema)
        own = handler.resolve_ref_schema(schema)
        for name, text in meanings(cls).items():
            if field := own.get("properties", {}).get(name):
                field.setdefault("description", text)
        own["description"] = summary(cls)
        return schema


class Frozen(_Documented):
    """A value that machines exchange: immutable, and tolerant of fields it does not know.

    Frames, workflow histories and reports outlive the version that wrote them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class Authored(_Documented):
    """A document that a person writes: an unknown field is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def summary(model: type[BaseModel]) -> str:
    """The part of a model's docstring before its sections, in one line."""
    text = inspect.cleandoc(model.__doc__ or "").split("\n\nAttributes:")[0]
    return " ".join(text.split("\n\nRaises:")[0].split())


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """The section `Attributes` of a model's docstring, as one text per field."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        section = _FIELDS.search(inspect.cleandoc(base.__doc__ or "") + "\n")
        for names, text in _FIELD.findall(section[1] if section else ""):
            found |= dict.fromkeys(re.findall(r"\w+", names), " ".join(text.split()))
    return {name: text for name, text in found.items() if name in model.model_fields}


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong: the field's path as a person writes it, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return f"{where}: {first['msg']}"[:500] if where else first["msg"][:500]
