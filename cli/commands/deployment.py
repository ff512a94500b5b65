"""`deployment`: on which version of the workers pipelines begin, and what runs on others."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.exits import Exit
from cli.output import print_result, say
from cli.program import command
from cli.recorded import recorded, typed
from cli.session import Session, open_session
from control.actions import Action
from control.deployment_documents import DeploymentStatus, Moved, Switched
from control.deployments import as_text, current_build, deployment_status, move, set_current
from control.errors import WrongInputError
from settings import Settings

UNVERSIONED = "unversioned"
_WAIT_S = 30.0


async def run_deployment(
    settings: Settings, action: str, build: str, *, force: bool, as_json: bool
) -> Exit:
    """Do what was typed; `UNAVAILABLE` for a status that says that work waits for ever."""
    async with open_session(settings, say, start=False) as session:
        if action in ("current", "drain-status"):
            status = await deployment_status(session.client, session.deployment)
            shown = _current(status) if action == "current" else _table(status)
            print_result(status, shown, as_json=as_json)
            return Exit.UNAVAILABLE if status.problem else Exit.OK
        if action == "move":
            await _move(session, build, as_json=as_json)
            return Exit.OK
        wanted = await _former(session) if action == "rollback" else _build(build)
        await _switch(session, wanted, force=force, as_json=as_json)
    return Exit.OK


def _build(text: str) -> str:
    return "" if text == UNVERSIONED else text


async def _former(session: Session) -> str:
    status = await deployment_status(session.client, session.deployment)
    if not status.former:
        raise WrongInputError(
            f"deployment {status.deployment} knows no version that was current before",
            next_step=f"name one: {command('deployment set-current BUILD')}",
        )
    return status.former


async def _switch(session: Session, build: str, *, force: bool, as_json: bool) -> None:
    change = typed(
        Action.VERSION,
        f"deployment {session.deployment}",
        f"to {_named(build)}{', by force' if force else ''}",
    )
    async with recorded(session.settings, change, make=session.stack is not None):
        switched = await set_current(
            session.client, session.deployment, build, wait_s=_WAIT_S, force=force
        )
    print_result(switched, *_switched(switched), as_json=as_json)


def _switched(switched: Switched) -> list[str]:
    before = f" (before: {_named(switched.former)})" if switched.former != switched.current else ""
    lines = [f"pipelines begin on {_named(switched.current)}{before}"]
    return [*lines, *as_text(switched.moved, switched.current)]


async def _move(session: Session, text: str, *, as_json: bool) -> None:
    client, name, build = session.client, session.deployment, _build(text)
    current = await current_build(client, name)
    if not build or build == current:
        raise WrongInputError(
            f"{_named(build)} cannot be emptied: only a build that is not current can",
            next_step=f"see which there are: {command('deployment drain-status')}",
        )
    change = typed(Action.VERSION, f"deployment {name}", f"move {build} to {_named(current)}")
    async with recorded(session.settings, change, make=session.stack is not None):
        moved = await move(client, name, build, current)
    print_result(moved, _moved(moved, current), as_json=as_json)


def _moved(moved: Moved, to: str) -> str:
    names = f" of {', '.join(moved.pipelines)}" if moved.pipelines else ""
    return f"{moved.workflows} workflows{names} go on on {_named(to)} (from {moved.build_id})"


def _named(build: str) -> str:
    return f"build {build}" if build else "unversioned workers"


def _current(status: DeploymentStatus) -> str:
    before = f"; before: {status.former}" if status.former else ""
    trouble = f"\n{status.problem}" if status.problem else ""
    return f"pipelines begin on {_named(status.current)}{before}{trouble}"


def _table(status: DeploymentStatus) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for name in ("build", "state", "workers", "pipelines", "workflows"):
        table.add_column(name)
    for one in status.versions:
        state = "stranded" if one.stranded else one.state
        table.add_row(one.build_id, state, str(one.workers), str(one.pipelines), str(one.workflows))
    if status.unversioned_workers or not status.versions:
        table.add_row(f"({UNVERSIONED})", "", str(status.unversioned_workers), "", "")
    return Group(table, Text(status.problem, style="red")) if status.problem else table
