"""Reads spec and template files, which people write; names each mistake in them."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from clients.yaml_text import AuthoredLoader
from contract.spec import PipelineSpec
from control.choices import require_declared
from control.errors import WrongInputError
from control.mistakes import wrong_fields

_Model = TypeVar("_Model", bound=BaseModel)
MAX_SPEC_BYTES = 4 * 1024 * 1024


def load_spec(path: Path) -> PipelineSpec:
    """Read and validate a spec file (YAML, of which JSON is a subset)."""
    return parse_spec(read_yaml(path, "spec"), str(path))


def parse_spec(document: Any, name: str) -> PipelineSpec:
    """Validate a spec; an error names each wrong field and the nearest right one."""
    spec = validate(PipelineSpec, document, name)
    require_declared(spec, name)
    return spec


def read_yaml(path: Path, noun: str, most_bytes: int = MAX_SPEC_BYTES) -> Any:
    """The document in a file of at most `most_bytes`.

    Raises:
        PlatformError: it cannot be read, or is not YAML.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise WrongInputError(f"{path}: a {noun} of more than {most_bytes} bytes is refused")
        # The loader is a safe one.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=AuthoredLoader)  # noqa: S506
    except OSError as error:
        raise WrongInputError(
            f"{path}: {error.strerror}", next_step=f"name a readable {noun} file"
        ) from error
    except UnicodeDecodeError as error:
        raise WrongInputError(
            f"{path}: not UTF-8 text at byte {error.start}", next_step="save it as UTF-8"
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "nested too deeply"
        raise WrongInputError(
            f"{path}: not valid YAML{place}: {reason}", next_step="correct it there"
        ) from error
    except ValueError as error:  # a scalar that looks like a date or a number and is none
        raise WrongInputError(
            f"{path}: not valid YAML: {error}", next_step="quote that text"
        ) from error


def compose_yaml(path: Path) -> yaml.Node | None:
    """The nodes of a document that `read_yaml` has read: they know their lines."""
    return yaml.compose(path.read_text(encoding="utf-8"), Loader=AuthoredLoader)


def validate(model: type[_Model], document: Any, name: str) -> _Model:
    """`document` as a `model`.

    Raises:
        PlatformError: with a line for each wrong field.
    """
    if not isinstance(document, dict):
        raise WrongInputError(
            f"{name}: expected a mapping of fields, got {type(document).__name__}",
            next_step="smallest form: apps: {root: FOLDER}",
        )
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = tuple(wrong_fields(model, document, error))
        raise WrongInputError(f"{name}: {len(lines)} wrong field(s)", lines=lines) from error
