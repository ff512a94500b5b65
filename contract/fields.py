"""Kinds of fields that documents of people have, and when such a field is left out of the text."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator


def _not_a_truth_value(value: Any) -> Any:
    """YAML reads `yes`, `on` and `true` as a truth value, which Python would accept as 1."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _switch(value: object) -> object:
    """YAML reads `on` and `off` as truth values."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


Number = BeforeValidator(_not_a_truth_value)
"""Refuses a truth value where a number is expected."""
Switch = Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)]
"""On, off, or as Assay decides."""


def is_left_out(value: object) -> bool:
    """Whether a field says nothing; such a field is left out of the text and of its digest."""
    return value is None


def is_auto(value: object) -> bool:
    """Whether a switch is left to Assay."""
    return value == "auto"
