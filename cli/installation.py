"""Builds from the settings what `control` takes as arguments."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.errors import UserError
from cli.exits import Exit
from cli.output import say
from cli.program import command
from cli.stack.lifecycle import running_stack
from contract.doors import is_loopback
from contract.errors import PlatformError
from contract.progress import PipelineProgress
from contract.secret import SecretRef
from contract.spec import PipelinePlan, PipelineSpec
from control.access import TokensThere, tokens_there
from control.errors import NotStoredError, PrunedError
from control.stored import Stored, require_comparable
from settings import Settings, temporal_is_configured

if TYPE_CHECKING:  # what asks engines and analyzers is loaded by the commands that do
    from control.dryrun import Machine
    from control.surveying import Platform

_NOT_UP = "the local stack does not run; its tools prove themselves when it starts"
_ELSEWHERE = "the analyzers of the configured server cannot be asked from here"


def has_server(settings: Settings) -> bool:
    """Whether there is a server to ask: a configured one, or the local stack's."""
    return temporal_is_configured() or running_stack(settings) is not None


def store_of(settings: Settings) -> Stored:
    """The store of this installation. While a server runs, its worker may be using the store."""
    return Stored(
        settings.database_url,
        in_use=lambda: has_server(settings),
        read_url=settings.db_read_url,
    )


def login_finder(settings: Settings) -> Callable[[SecretRef], str] | None:
    """Finds logins as the local stack's worker does; None where other workers do the work."""
    return None if temporal_is_configured() else settings.secret


async def require_token(settings: Settings, host: str) -> None:
    """Refuse to let others reach a dashboard into which nobody could ever log in.

    Where tokens were good once, that is said and nothing is refused: others are not let in, and
    a token's end stops neither measuring nor a dashboard that is restarted.

    Raises:
        UserError: `host` is not this machine's alone, and there never was a token, nor is a proxy.
    """
    if is_loopback(host) or settings.dashboard_proxy:
        return
    there = await tokens_there(store_of(settings))
    if there is TokensThere.OVER:
        say(
            f"others reach {host}, and no token is good any more: nobody can log in before there "
            f"is a new one ({command('token create NAME --scope operate')})"
        )
    if there is not TokensThere.NONE:
        return
    raise UserError(
        f"others reach {host}, and there is no token: nobody could log in",
        next_step=f"make one with {command('token create NAME --scope operate')}, "
        "or listen on 127.0.0.1",
    )


async def require_stored_baseline(settings: Settings, plan: PipelinePlan) -> None:
    """Refuse a baseline that this machine's worker would not find in the store.

    Raises:
        PlatformError: there is no such pipeline, or it is the pipeline itself.
    """
    if not temporal_is_configured():  # else the work, and the store, may be elsewhere
        await require_comparable(store_of(settings), plan)


async def require_stored_comparison(settings: Settings, spec: PipelineSpec) -> None:
    """As `require_stored_baseline`, for what runs of the spec's schedule are compared with."""
    from control.schedule_reading import require_compared_with  # it loads workflows

    if not temporal_is_configured():
        await require_compared_with(store_of(settings), spec.schedule)


def machine_of(settings: Settings) -> "Machine | None":
    """This machine if its own worker does the work; None where a configured server's workers do."""
    return None if temporal_is_configured() else settings


def platform_of(settings: Settings) -> "Platform":
    """Who would do the work, as far as it can be asked now: analyzers of a stack that runs."""
    from control.analyzer_health import Analyzers
    from control.surveying import Platform

    elsewhere = temporal_is_configured()
    stack = None if elsewhere else running_stack(settings)
    return Platform(
        Analyzers(
            stack.analyzer_urls if stack else {}, (lambda _: "") if elsewhere else settings.lacks
        ),
        machine_of(settings),
        store_of(settings),
        not_asked=_ELSEWHERE if elsewhere else _NOT_UP,
    )


async def stored_progress(
    settings: Settings, pipeline_id: str, missing: PlatformError | None = None
) -> tuple[PipelineProgress, str]:
    """Where the store says the pipeline is, and its state in one word.

    Raises:
        PrunedError: the pipeline was removed from the store on purpose.
        PlatformError: `missing`, why no server tells of it, if the store does not know it either.
        UserError: the store does not know it, and there is no server.
    """
    try:
        return await store_of(settings).progress(pipeline_id)
    except PrunedError:
        raise
    except NotStoredError as error:
        if missing is not None:
            raise missing from error
        raise UserError(
            f"no pipeline {pipeline_id} in the store, and no local stack runs for "
            f"{settings.data_dir}",
            next_step=f"start it with {command('up')}, or name a server with TEMPORAL_ADDRESS",
            code=Exit.UNAVAILABLE,
        ) from error
