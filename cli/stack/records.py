"""What a data folder keeps of its stack: the record of its ports, the token; written whole."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path

from cli.errors import UserError
from cli.exits import Exit
from cli.stack.model import Stack
from clients.files import publish, temporary_file
from settings import Settings

_ANALYZER = "analyzer."


def recorded_stack(settings: Settings) -> Stack | None:
    """The stack of this data folder as it runs, or ran last."""
    return recorded_in(settings.data_dir)


def recorded_in(data_dir: Path) -> Stack | None:
    """The stack that `data_dir` keeps the record of; None: none, or one that cannot be read."""
    try:
        return Stack(**json.loads((data_dir / "run" / "stack.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def ports_of(stack: Stack) -> dict[str, int]:
    """Every port of a stack, by name; see `remember_ports`."""
    facts = asdict(stack)
    named = {name: port for name, port in facts.items() if name.endswith("_port")}
    return named | {f"{_ANALYZER}{kind}": port for kind, port in stack.analyzers.items()}


def remember_ports(data_dir: Path, ports: Mapping[str, int]) -> None:
    """Have the next start choose these ports where they are free."""
    analyzers = {
        name.removeprefix(_ANALYZER): port
        for name, port in ports.items()
        if name.startswith(_ANALYZER)
    }
    known = {each.name for each in fields(Stack)}
    named = {name: port for name, port in ports.items() if name in known}
    if {"temporal_port", "ui_port"} <= set(named):
        stack = replace(Stack(str(data_dir), 0, 0, analyzers), **named)
        with writing(data_dir):
            stack.run_dir.mkdir(parents=True, exist_ok=True)
            record(stack)


def record(stack: Stack) -> None:
    """Keep the stack's record. Raises: OSError."""
    write(stack.run_dir / "stack.json", json.dumps(asdict(stack)))


@contextmanager
def writing(data_dir: Path | str) -> Generator[None]:
    """Turn a failed write into an error that names the data folder and the next step."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"data folder {data_dir}: {error.strerror}",
            next_step="free the disk or set ASSAY_DATA to a folder you can write",
            code=Exit.UNAVAILABLE,
        ) from error


def write(path: Path, text: str) -> None:
    """Write the whole file or nothing, readable by its owner only."""
    with temporary_file(path.parent) as (file, temporary):
        os.fchmod(file.fileno(), 0o600)
        file.write(text.encode())
        publish(file, temporary, path)
