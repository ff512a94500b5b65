"""The answers of a workflow's updates, with their types."""

from collections.abc import Coroutine
from typing import Any, TypeVar, cast

Answer = TypeVar("Answer")


def answer_of(answered: Coroutine[Any, Any, Answer] | Answer) -> Answer:
    """The answer of an update; the SDK types the answer of an `async` update as its coroutine."""
    return cast("Answer", answered)
