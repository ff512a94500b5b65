"""The names by which Temporal knows activities, and what workflows listen to."""

from collections.abc import Callable
from typing import Any

from temporalio import activity


def name_of(one: Callable[..., Any]) -> str:
    """The registered name of an activity."""
    return activity._Definition.must_from_callable(one).name or ""
