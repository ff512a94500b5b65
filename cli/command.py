"""Runs any command: handles its signals and errors, and turns its result into an exit code."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.errors import UserError, expected, explained
from cli.exits import Exit
from cli.output import report_error
from cli.program import command
from cli.signals import end_by_signal, end_once
from cli.terminal import progress_out
from cli.traced import traced_command
from control.errors import WrongInputError

if TYPE_CHECKING:
    from settings import Settings


def run(job: Callable[["Settings"], Coroutine[Any, Any, Exit]]) -> None:
    """Run an async command with the settings, and exit with its code; `Commands` handles errors."""
    from settings import load_settings  # late: it takes half a second, and help needs none

    end_by_signal()
    raise typer.Exit(asyncio.run(job(load_settings())))


class Program(typer.Typer):
    """A command line whose commands refuse arguments that are no text."""

    def command(self, *args: Any, **options: Any) -> Any:
        """As `Typer.command`."""
        return super().command(*args, **{"cls": _Command, **options})


class _Command(TyperCommand):
    def invoke(self, ctx: Any) -> Any:
        """Run the command; what is no path must be text: it is compared with what is stored."""
        for name, value in ctx.params.items():
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str):
                    _require_text(name, text)
        name = ctx.command_path.partition(" ")[2]
        return traced_command(name, lambda: super(_Command, self).invoke(ctx))


class Commands(TyperGroup):
    """The group of all commands: each ends with a code of `Exit`, whatever happens."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command line; leaves the interpreter in standalone mode."""
        arguments = list(sys.argv[1:] if args is None else args)

        def invoke() -> Any:
            return super(Commands, self).main(
                arguments, prog_name, complete_var, False, windows_expand_args, **extra
            )

        code = _ended(invoke, as_json="--json" in arguments)
        if code is Exit.INTERRUPTED:
            if standalone_mode:
                end_once()
            progress_out.print("interrupted")
        if standalone_mode:
            sys.exit(int(code))
        return code

    def invoke(self, ctx: Any) -> Any:
        """Run the command; if the reader of its output has gone, end quietly with READER_GONE."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()
            raise typer.Exit(Exit.READER_GONE) from None


def _require_text(name: str, text: str) -> None:
    """Refuse bytes of the shell that are no UTF-8: Python hands them on as halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = text.encode("unicode_escape", "surrogatepass").decode("ascii")[:60]
        raise WrongInputError(
            f"{name.replace('_', '-')}: '{shown}' is no text in UTF-8",
            next_step="write it in UTF-8",
        ) from error


def _ended(invoke: Callable[[], Any], *, as_json: bool) -> Exit:
    try:
        code = Exit(invoke() or 0)
    except typer.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return _report(UserError("standard input ended before all was answered"), as_json)
        code = Exit.INTERRUPTED
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except typer.TyperException as error:
        return _report(_wrong_usage(error), as_json)
    except Exception as error:
        if not isinstance(error, expected()):
            raise
        return _report(explained(error), as_json)
    return code


def _report(error: UserError, as_json: bool) -> Exit:
    report_error(error, as_json=as_json)
    return error.code


def _wrong_usage(error: Any) -> UserError:
    """An error of Typer about the command line as a `UserError`."""
    context = getattr(error, "ctx", None)
    names = context.command_path.split(" ")[1:] if context else []
    of_ours = isinstance(error, typer.BadParameter) and not (error.param or error.param_hint)
    message = error.message if of_ours else error.format_message()
    return UserError(
        message.rstrip("."),
        next_step=f"{command(' '.join([*names, '--help']))} says what can be given",
    )


def _drop_output() -> None:
    """Let the interpreter's last flush of standard output succeed."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
