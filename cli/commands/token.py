"""`token`: who may use the dashboard. Each change is in the log that the dashboard shows."""

import asyncio
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from cli.address import dashboard_address
from cli.documents import LoginAddress
from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_json, print_lines, print_result, say
from cli.person import person
from cli.recorded import typed
from cli.safe import one_line
from cli.terminal import stdout
from contract.access import Scope, TokenRecord
from contract.base import Frozen
from control.access import LINK_MINUTES, Access
from control.access_documents import Ended
from control.access_kept import KeptAccess
from control.audit import AuditLog
from settings import Settings


class Asked(NamedTuple):
    """What was typed."""

    action: str
    name: str
    scope: str
    days: float | None
    url: str


class _Doing(NamedTuple):
    """What the actions need."""

    settings: Settings
    access: Access
    log: AuditLog
    asked: Asked
    as_json: bool


async def run_token(settings: Settings, asked: Asked, *, as_json: bool) -> Exit:
    """Do what was typed."""
    kept = KeptAccess(store_of(settings))
    doing = _Doing(settings, Access(kept), AuditLog(kept), asked, as_json)
    actions = {"create": _create, "list": _list, "revoke": _revoke, "link": _link}
    try:
        await actions[asked.action](doing)
    finally:
        await kept.close()
    return Exit.OK


async def _create(doing: _Doing) -> None:
    asked, scope = doing.asked, Scope(doing.asked.scope)
    term = "" if asked.days is None else f" for {asked.days:g} days"
    change = typed("create token", f"token {asked.name}", f"scope {scope}{term}")
    async with doing.log.keeping(change):
        made = await doing.access.create_token(asked.name, scope, asked.days, change.who)
    say("this is the only time that it is shown; programs send it as Authorization: Bearer TOKEN")
    _print_secret(made, made.token, as_json=doing.as_json)


async def _list(doing: _Doing) -> None:
    listed = await doing.access.tokens()
    if doing.as_json:
        print_json(listed)
    elif listed.tokens:
        print_lines(_table(listed.tokens, doing))
    else:
        say("there is no token")


async def _revoke(doing: _Doing) -> None:
    name = doing.asked.name
    async with doing.log.keeping(typed("revoke token", f"token {name}")):
        ended = Ended.of(await doing.access.revoke(name))
    told = "is revoked" if ended.done == "ended" else "was revoked already"
    print_result(ended, one_line(f"token {name} {told}"), as_json=doing.as_json)


async def _link(doing: _Doing) -> None:
    scope = Scope(doing.asked.scope)
    change = typed("login link", f"for {person()}", scope)
    async with doing.log.keeping(change):
        link = await doing.access.make_link(change.who, scope)
    base, answers = doing.asked.url.rstrip("/"), True
    if not base:
        base, answers = await asyncio.to_thread(dashboard_address, doing.settings)
    address = LoginAddress(
        url=f"{base}/enter?key={link.key}",
        name=link.name,
        scope=link.scope,
        expires_at=link.expires_at,
    )
    if not answers:
        say("no dashboard of this installation answers there now: start it, or name it with --url")
    say(f"good once, for {LINK_MINUTES} minutes: open it in your browser")
    _print_secret(address, address.url, as_json=doing.as_json)


def _print_secret(document: Frozen, text: str, *, as_json: bool) -> None:
    """Print it on one line, however narrow the terminal is: it is copied."""
    if as_json:
        print_json(document)
    else:
        stdout.print(Text(text), soft_wrap=True)


def _table(tokens: tuple[TokenRecord, ...], doing: _Doing) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("name", "may", "made", "last used", "good until"):
        table.add_column(name, overflow="fold")
    for token in tokens:
        used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
        told = (token.name, token.scope, f"{token.created_at:%Y-%m-%d %H:%M} by {token.created_by}")
        table.add_row(*(Text(one_line(text)) for text in (*told, used, _end(token, doing))))
    return table


def _end(token: TokenRecord, doing: _Doing) -> str:
    if token.revoked_at:
        return f"revoked {token.revoked_at:%Y-%m-%d %H:%M}"
    if token.expires_at is None:
        return "it is revoked"
    over = "" if token.good_at(doing.access.now()) else " (over)"
    return f"{token.expires_at:%Y-%m-%d %H:%M}{over}"
