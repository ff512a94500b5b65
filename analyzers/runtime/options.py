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
        ToolFault: an option nobody declared, a value out of range, a secret that did not come.
    """
    given = {**request.options, **request.secrets}
    untold = [name for name, value in given.items() if isinstance(value, SecretRef)]
    if untold:
        raise ToolFault(f"{request.analyzer} options: no value came for {', '.join(untold)}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # Alone: Pydantic's own error shows what was given.
        raise ToolFault(f"{request.analyzer} options: {_words(error)}") from None


def _words(error: ValidationError) -> str:
    """What is wrong; never a value, which may be a secret."""
    rows = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(": ".join(filter(None, (_place(one), _said(one)))) for one in rows)


def _place(one: ErrorDetails) -> str:
    return ".".join(str(part) for part in one["loc"])


def _said(one: ErrorDetails) -> str:
    is_unknown = one["type"] == "extra_forbidden"
    return "no such option" if is_unknown else one["msg"].removeprefix("Value error, ")
