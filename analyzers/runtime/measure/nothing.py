"""Whether an app has nothing for a tool that is blind: then nothing is lost by its blindness.

Only our own code may say so, and only after it has said of the tool's canary, where there is
something, that there is something: a proof that cannot fail proves nothing.
"""

from typing import Protocol, runtime_checkable

from analyzers.runtime.tool import Command, Completed, Execute, NotApplicable, ToolRun


@runtime_checkable
class Foretelling(Protocol):
    """A tool that can say without running whether an app has anything for it."""

    async def nothing_for(self, run: ToolRun, execute: Execute) -> NotApplicable | None:
        """Why there is nothing for it; None: there is something, or nobody can know.

        Args:
            run: of the app, or of the tool's canary.
            execute: runs commands; those that are not `Command.ours` must not be given to it.
        """
        ...


class ToolNeededError(Exception):
    """The tool itself would have to run now."""


class OursAlone:
    """`execute` for our own readers of an app alone."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def __call__(self, command: Command) -> Completed:
        """Run a command of ours.

        Raises:
            ToolNeededError: it is not ours.
            ToolFault: as `Execute`.
        """
        if not command.ours:
            raise ToolNeededError(command.argv[0])
        return await self._execute(command)


async def nothing_for(tool: object, run: ToolRun, execute: Execute) -> NotApplicable | None:
    """Why an app has nothing for the tool, if that can be known without the tool; else None.

    Any fault of our own readers means that nobody knows.
    """
    if not isinstance(tool, Foretelling):
        return None
    try:
        return await tool.nothing_for(run, OursAlone(execute))
    except (Exception, SystemExit):
        return None
