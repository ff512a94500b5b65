"""One service of an app as a process in a sandbox."""

import asyncio
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from pathlib import Path

from clients.limits import AppLimits
from clients.process.environments import app_environment, copy_source
from clients.process.recipe import Recipe
from clients.process.sandbox import Sandbox, interpreter_folders


async def spawn(
    home: Path,
    recipe: Recipe,
    ports: Mapping[str, int],
    environment: Path | None,
    hidden: Path,
    limits: AppLimits,
) -> Process:
    """Start one sandbox. Bubblewrap writes the status file, so a kill right here loses nothing.

    Args:
        home: the service's own folder.
        recipe: how to run it.
        ports: of all services.
        environment: its installed dependencies.
        hidden: the folder that no app sees.
        limits: of the service.
    """
    source = environment if recipe.language == "node" and environment else recipe.context
    await asyncio.to_thread(copy_source, source, home / "src")
    (home / "data").mkdir()
    modules = environment / "node_modules" if recipe.language == "node" and environment else None
    if modules is not None and modules.is_dir():
        (home / "src" / "node_modules").mkdir()
    readable = [*interpreter_folders(), *([environment] if environment else [])]
    sandbox = Sandbox(
        home,
        modules if modules is not None and modules.is_dir() else None,
        tuple(readable),
        (hidden,),
    )
    with (home / "status").open("wb") as status, (home / "log").open("wb") as log:
        argv = sandbox.argv(
            tuple(word.replace("0.0.0.0", "127.0.0.1") for word in recipe.command),  # noqa: S104
            app_environment(recipe, ports, environment),
            limits,
            status.fileno(),
        )
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(status.fileno(),),
            start_new_session=True,
        )


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
