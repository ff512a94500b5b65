"""A request's options as the model that the analyzer declares (`analyzers/<kind>/options.py`)."""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from analyzers.runtime.tool import ToolFault
from contract.analysis import SubtaskRequest
from contract.base import Authored
from contract.secret import SecretRef

_Declared = TypeVar("_Declared", bound=Authored)


def declared_options(request: SubtaskRequest, model: type[_Declared]) -> _Declared:
    """The request's options; references are replaced by the values that came with the call.

    Raises:
        ToolFault: an unknown option, a value out of range, a secret without a value.
    """
    given = {**request.options, **request.secrets}
    missing = [name for name, value in given.items() if isinstance(value, SecretRef)]
    if missing:
        raise ToolFault(f"{request.analyzer} options: no value came for {', '.join(missing)}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # Without its cause: Pydantic's own error shows the values.
        raise ToolFault(f"{request.analyzer} options: {_words(error)}") from None


def _words(error: ValidationError) -> str:
    """What is wrong, without the values, which may be secrets."""
    rows = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(": ".join(filter(None, (_place(row), _problem(row)))) for row in rows)


def _place(row: ErrorDetails) -> str:
    return ".".join(str(part) for part in row["loc"])


def _problem(row: ErrorDetails) -> str:
    is_unknown = row["type"] == "extra_forbidden"
    return "no such option" if is_unknown else row["msg"].removeprefix("Value error, ")
