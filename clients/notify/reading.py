"""Reads the alerts file; its first mistake is told with line, field and what to do."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.composer import ComposerError

from clients.notify.model import AlertsFile
from clients.yaml_text import AuthoredLoader
from contract.errors import ErrorCode, PlatformError
from contract.wording import sentence

_MOST_BYTES = 64 * 1024
_KINDS = ("webhook", "slack", "email")


class _Loader(AuthoredLoader):
    """Without aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node; none that stands for another one, which could make a small file huge."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise ComposerError(None, None, "an alias (*name) is not taken", mark)
        return super().compose_node(parent, index)


def read_alerts(path: Path) -> AlertsFile:
    """The alerts file. Blocking.

    Raises:
        PlatformError: INVALID_ARGUMENT: it cannot be read, or is wrong; names line and field.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=_Loader)
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe one)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "not valid YAML"
        raise _wrong(f"{path}{place}: {reason}") from error
    if not isinstance(document, dict):
        raise _wrong(f"{path} line 1: expected a mapping with the field receivers")
    try:
        return AlertsFile.model_validate(document)
    except ValidationError as error:
        raise _wrong(f"{path} {_first(error, node)}") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise _wrong(f"{path}: more than {_MOST_BYTES // 1024} KiB")
        return data.decode()
    except OSError as error:
        raise _wrong(f"ASSAY_ALERTS_FILE {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _wrong(f"{path}: not UTF-8 text at byte {error.start}") from error


def _first(error: ValidationError, node: Any) -> str:
    """The first mistake as `line 7: receivers.0.port: why`; what was written is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    steps = [step for step in first["loc"] if step not in _KINDS]
    path = ".".join(map(str, steps))
    field = f"{path}: " if path else ""
    reason = sentence(first)
    if first["type"] == "extra_forbidden":
        reason = "there is no such field"
    return f"line {_line(node, steps)}: {field}{reason}"[:500]


def _line(node: Any, steps: list[Any]) -> int:
    """The line of the deepest place that is written, from 1."""
    line = node.start_mark.line
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return line + 1


def _wrong(message: str) -> PlatformError:
    step = "correct the alerts file (docs/alerts.md has an example of each receiver)"
    return PlatformError(ErrorCode.INVALID_ARGUMENT, message, next_step=step)
