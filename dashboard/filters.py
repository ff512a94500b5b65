"""What was typed into a form of filters: shown again as it was, also if it is refused."""

from collections.abc import Iterator

from starlette.requests import Request

from control.findings_asked import Asked, Filters

_LETTERS = 500
Pairs = list[tuple[str, str]]


class Typed(dict[str, list[str]]):
    """Values by name, without empty ones."""

    @classmethod
    def of(cls, request: Request, form: type[Filters], *others: str) -> "Typed":
        """The fields of a form in a request, and some more; what else is there leads nowhere."""
        typed, known = cls(), {*form.model_fields, *others}
        for name, value in request.query_params.multi_items():
            if value and name in known:
                typed.setdefault(name, []).append(value)
        return typed

    def all(self, name: str) -> list[str]:
        """The values of one field, cut to what a form can show."""
        return [value[:_LETTERS] for value in self.get(name, [])]

    def fields(self, name: str) -> list[str]:
        """A value for each field of this name that a form shows: at least one, an empty one."""
        return self.all(name) or [""]

    def has(self, name: str, value: str) -> bool:
        """Whether this was chosen."""
        return value in self.get(name, [])

    def any_of(self, *names: str) -> bool:
        """Whether one of these fields was filled in."""
        return any(self.get(name) for name in names)

    @property
    def pairs(self) -> Pairs:
        """As a query."""
        return list(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for name, values in self.items():
            for value in values:
                yield name, value


def question_of(pipeline_id: str, wanted: Asked) -> dict[str, object]:
    """What a cursor belongs to."""
    filters = wanted.model_dump(mode="json", include=set(Asked.model_fields))
    return {"pipeline": pipeline_id, **filters}
