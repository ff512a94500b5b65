"""Makes docs/cli.md from the code: commands, their arguments, and the JSON documents they print."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from cli.app import app
from cli.documents import Trouble
from cli.printed import OF_COMMAND, PARTS
from contract.base import Frozen, summary

_HEAD = """# The command line

`python -m tests.support.reference` makes this page from the code; a test keeps it current. `make
venv` installs the command as `.venv/bin/assay`; `.venv/bin/python starter.py` is the same. `assay
--install-completion` teaches the shell its commands, options and pipelines.

- Results are on standard output, words for people on standard error.
- With `--json` standard output holds exactly one JSON document, also when the command fails
  ([below](#json)).
- Each error names its cause and the next step. Exit codes: [reference](reference.md#exit-codes). A
  command that follows a pipeline (`submit --wait`, `retry`, `watch`, `demo`), and `report`, end
  with the code that says how the pipeline ended.
- Ctrl-C and SIGTERM end a command in the same way, also in the background. A stack that the
  command started is stopped, and the pipeline that it followed there is cancelled and torn down. A
  pipeline on a stack that others keep up goes on.
- Text from apps, models and logs never controls the terminal: control characters are shown as
  escapes (`\\x1b`).

## Commands
"""
_JSON = """## JSON

A later version may add fields to a document, and removes none. Times are ISO 8601 in UTC, `_s`
stands for seconds.
"The report" is `report.json` ([schema](schemas/report.schema.json)). A command that fails prints
`{"error": Trouble}`.
"""


def page() -> str:
    """The page."""
    from tests.support.reference import fields, table

    parts = [_HEAD, table(("command", "does", "prints with `--json`"), _commands()), _JSON]
    shown = [one for kinds in OF_COMMAND.values() for one in kinds if not isinstance(one, str)]
    for model in dict.fromkeys([*shown, *PARTS, Trouble]):
        parts += [f"### `{model.__name__}`\n\n{summary(model)}\n", fields(model)]
    return "\n".join(parts)


def _commands() -> Iterator[tuple[str, ...]]:
    group: Any = get_command(app)
    for name, command in group.commands.items():
        documents = " or ".join(map(_document, OF_COMMAND.get(name, ())))
        yield f"`{' '.join([name, *_parameters(command)])}`", command.help, documents


def _parameters(command: Any) -> Iterator[str]:
    for one in command.params:
        if one.param_type_name == "argument":
            yield one.metavar or one.name.upper()
        elif one.name not in ("as_json", "help"):
            yield f"[{one.opts[0]}]" if one.is_flag else f"[{one.opts[0]} {one.name.upper()}]"


def _document(one: type[Frozen] | str) -> str:
    return one if isinstance(one, str) else f"`{one.__name__}`"
