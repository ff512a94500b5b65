"""Which apps are read together where histories are read: some hundred, whatever their models."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Table

from contract.roles import with_repeats

_MOST, _MODELS = 500, 40


class AppRange(NamedTuple):
    """Apps of some models whose numbers are in a range; their repeats belong to them."""

    models: tuple[str, ...]
    first: int
    last: int

    def of(self, table: Table, pipeline_ids: Sequence[str]) -> list[ColumnElement[Any]]:
        """Conditions for the rows of these apps in these pipelines."""
        names = [name for model in self.models for name in with_repeats(model)]
        return [
            table.c.pipeline_id.in_(list(pipeline_ids)),
            table.c.target_model.in_(names),
            table.c.target_app_number.between(self.first, self.last),
        ]

    def joined(self, other: Self) -> Self:
        """Both, where each has all apps of its models."""
        models = self.models + other.models
        return type(self)(models, min(self.first, other.first), max(self.last, other.last))


def app_ranges(keys: Sequence[tuple[str, int]]) -> Iterator[AppRange]:
    """Cut apps into ranges: a large model into several, small models put together.

    Args:
        keys: model and number of each, in order.
    """
    small: AppRange | None = None
    size = 0
    for model, of_model in groupby(keys, key=itemgetter(0)):
        numbers = [number for _, number in of_model]
        if len(numbers) > _MOST:
            yield from _cut(model, numbers)
            continue
        one = AppRange((model,), numbers[0], numbers[-1])
        if small and len(small.models) < _MODELS and size + len(numbers) <= _MOST:
            small, size = small.joined(one), size + len(numbers)
        else:
            if small:
                yield small
            small, size = one, len(numbers)
    if small:
        yield small


def _cut(model: str, numbers: Sequence[int]) -> Iterator[AppRange]:
    for at in range(0, len(numbers), _MOST):
        some = numbers[at : at + _MOST]
        yield AppRange((model,), some[0], some[-1])
