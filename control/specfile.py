"""Spec and template files, written by people: each mistake is named, with the word they meant."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from yaml.composer import ComposerError

from cli.errors import UserError
from contract.spec import PipelineSpec

_Model = TypeVar("_Model", bound=BaseModel)
MAX_SPEC_BYTES = 4 * 1024 * 1024
_BRANCHES = ("[key]", "value", "reference")


class _Loader(yaml.SafeLoader):
    """YAML's safe types; a key written twice is an error, where YAML takes the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping whose keys, as written, are all different."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                problem = f"{key.value!r} is written twice"
                raise ComposerError(None, None, problem, key.start_mark)
            seen.add(name)
        return node


def load_spec(path: Path) -> PipelineSpec:
    """Read and validate a spec file (YAML, of which JSON is a subset)."""
    return parse_spec(read_yaml(path, "spec"), str(path))


def parse_spec(document: Any, name: str) -> PipelineSpec:
    """Validate a spec; an error names each wrong field and the nearest right one."""
    from control.choices import require_declared

    spec = validate(PipelineSpec, document, name)
    require_declared(spec, name)
    return spec


def read_yaml(path: Path, what: str) -> Any:
    """The document in a file of at most `MAX_SPEC_BYTES`.

    Raises:
        UserError: it cannot be read, or is not YAML.
    """
    try:
        if path.stat().st_size > MAX_SPEC_BYTES:
            raise UserError(f"{path}: a {what} of more than {MAX_SPEC_BYTES} bytes is refused")
        # The loader is a safe one.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}", next_step=f"name a readable {what} file"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "nested too deeply"
        raise UserError(f"{path}: not valid YAML{place}: {reason}") from error
    except ValueError as error:  # a scalar that looks like a date or a number and is none
        raise UserError(f"{path}: not valid YAML: {error}", next_step="quote that text") from error


def validate(model: type[_Model], document: Any, name: str) -> _Model:
    """`document` as a `model`.

    Raises:
        UserError: with a line for each wrong field.
    """
    if not isinstance(document, dict):
        raise UserError(
            f"{name}: expected a mapping of fields, got {type(document).__name__}",
            next_step="smallest form: apps: {root: FOLDER}",
        )
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = tuple(wrong_fields(model, document, error))
        raise UserError(f"{name}: {len(lines)} wrong field(s)", lines=lines) from error


def unlike(name: str, known: Iterable[str], what: str) -> str:
    """That `name` is unknown, and what it may have been meant to be."""
    return f"unknown {what} {name!r}{_nearest(name, known)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


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
        nearest = _nearest(str(place[-1]), names) or f"; fields here: {', '.join(names)}"
        return f"{field}: no such field{nearest}"
    messages = dict.fromkeys(item["msg"].removeprefix("Value error, ") for item in items)
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
    return f"{field}: {wanted}{shown}{_nearest(given, allowed)}{hint if is_option else ''}"


def _model_at(model: type[BaseModel], place: tuple[Any, ...]) -> type[BaseModel]:
    for part in place:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models among the types an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
