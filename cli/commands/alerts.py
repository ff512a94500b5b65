"""`alerts`: which fire now, whether the alerts file is right, and whether receivers take a test."""

from rich.table import Table
from rich.text import Text

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_json, print_lines, print_result, say
from cli.person import person
from cli.recorded import recorded, typed
from cli.safe import one_line
from clients.notify.notifier import FileNotifier
from control.actions import Action
from control.alert_documents import FiringAlerts, Receivers
from control.alerts import checked_receivers, firing_alerts, tested_receivers
from settings import Settings

_UNWATCHED = "nobody watches: no worker has looked at this installation"


async def run_alerts(settings: Settings, action: str, *, as_json: bool) -> Exit:
    """Do what was typed."""
    if action == "list":
        _list(await firing_alerts(store_of(settings)), as_json=as_json)
        return Exit.OK
    notifier = FileNotifier(settings.alerts_file, settings.secret)
    file = str(settings.alerts_file)
    if action == "check":
        told = await checked_receivers(notifier, file)
    else:
        async with recorded(
            settings, typed(Action.TEST_ALERTS, f"receivers of {file}"), make=False
        ):
            told = await tested_receivers(notifier, file, person())
    print_result(told, *map(one_line, _lines(told)), as_json=as_json)
    return Exit.UNAVAILABLE if any(one.why for one in told.receivers) else Exit.OK


def _list(told: FiringAlerts, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    if told.alerts:
        print_lines(_table(told))
    elif told.watched:
        say("no alert fires")
    if not told.watched:
        since = f"since {told.looked_at:%Y-%m-%d %H:%M} UTC" if told.looked_at else "yet"
        say(f"{_UNWATCHED} {since}")
    for one in told.unsent:
        why = f": {one.why}" if one.why else ""
        say(one_line(f"not sent yet to {one.receiver}: {one.key}, {one.attempts} attempts{why}"))


def _table(told: FiringAlerts) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("severity", "alert", "since", "what", "next step"):
        table.add_column(name, overflow="fold")
    for one in told.alerts:
        texts = (one.severity, one.name, f"{one.since:%Y-%m-%d %H:%M}", one.summary, one.next_step)
        table.add_row(*(Text(one_line(text)) for text in texts))
    return table


def _lines(told: Receivers) -> list[str]:
    def line(name: str, type_: str, why: str, severity: str) -> str:
        if not told.sent:
            return f"{name}: {type_}, from {severity} on"
        return f"{name}: {f'not sent: {why}' if why else 'sent'}"

    lines = [line(one.name, one.type, one.why, one.min_severity) for one in told.receivers]
    return lines if told.sent else [f"{told.file} is right", *lines]
