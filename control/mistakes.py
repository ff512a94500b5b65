"""Names each wrong field of a document that a person wrote, and suggests the right word."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from contract.wording import nearest, sentence

_BRANCHES = ("[key]", "value", "reference", "suppressions-file", "suppressions-list")


def unlike(name: str, known: Iterable[str], noun: str) -> str:
    """Says that `name` is unknown, and suggests the known name most like it."""
    return f"unknown {noun} {name!r}{nearest(name, known)}"


def wrong_fields(
    model: type[BaseModel], document: Any, error: ValidationError, within: tuple[str, ...] = ()
) -> list[str]:
    """One line per wrong place: branches of a union count once, consequences not at all.

    Args:
        model: what `document` was to be.
        document: as written.
        error: what Pydantic says of it.
        within: where the document itself stands in what a person wrote.
    """
    places: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for item in error.errors():
        places.setdefault(_place(item, document), []).append(dict(item))
    causes = [
        place
        for place in places
        if not any(other != place and other[: len(place)] == place for other in places)
    ]
    return [_line(model, place, places[place], within) for place in causes]


def _place(item: Any, document: Any) -> tuple[Any, ...]:
    """Where in the document; without what Pydantic adds, such as a union's branch."""
    parts = [part for part in item["loc"] if part not in _BRANCHES]
    for depth, part in enumerate(parts):
        try:
            document = document[part]
        except (LookupError, TypeError):
            # Keys of JSON are text where Pydantic names the number.
            known = isinstance(document, dict) and str(part) in document
            if known or item["type"] == "missing":
                document = document[str(part)] if known else None
                continue
            return tuple(parts[:depth])
    return tuple(parts)


def _line(
    model: type[BaseModel],
    place: tuple[Any, ...],
    items: list[Mapping[str, Any]],
    within: tuple[str, ...],
) -> str:
    field = ".".join(map(str, (*within, *place))) or "(whole document)"
    first = items[0]
    if first["type"] == "extra_forbidden":
        names = list(_model_at(model, place[:-1]).model_fields)
        close = nearest(str(place[-1]), names) or f"; fields here: {', '.join(names)}"
        return f"{field}: no such field{close}"
    messages = dict.fromkeys(sentence(item) for item in _meant(items))
    if first["type"] == "missing" or not place:
        return f"{field}: {next(iter(messages))}"
    wanted = " or ".join(
        [*messages][:1] + [m.removeprefix("Input should be ") for m in messages][1:]
    )
    is_option = "options" in (*within, *place)[:1]
    given = str(first["input"])[:80]
    # A login in clear text is not shown, wherever it stands.
    shown = "" if any(str(part).startswith("auth_") for part in place) else f" (got {given!r})"
    allowed = re.findall(r"'([^']*)'", str(first.get("ctx", {}).get("expected", "")))
    hint = "; a list is written as text: '1,2'" if isinstance(first["input"], list) else ""
    return f"{field}: {wanted}{shown}{nearest(given, allowed)}{hint if is_option else ''}"


def _meant(items: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without that a list is no text, where something is wrong with the list itself."""
    others = [item for item in items if item["type"] != "string_type"]
    is_list = isinstance(items[0]["input"], list)
    wrong_list = [item for item in others if not item["type"].endswith("_type")]
    return others if is_list and wrong_list else items


def _model_at(model: type[BaseModel], place: tuple[Any, ...]) -> type[BaseModel]:
    for part in place:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models among the types in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
