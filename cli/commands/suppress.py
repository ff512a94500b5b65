"""`suppress`: decisions that weaknesses need no action."""

import sys
from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_json, print_lines, print_result, say
from cli.program import command
from cli.recorded import recorded, typed
from cli.safe import one_line
from control.actions import Action
from control.deciding import Decisions, Suppressed, as_file, decision, decisions, suppress, withdraw
from settings import Settings

_SAID = {
    "suppressed": "needs no action from now on; it stays listed, and is counted apart",
    "unchanged": "was decided like this already",
    "withdrawn": "counts again",
}


async def run_suppress(
    settings: Settings, pipeline_id: str, fields: Mapping[str, str], *, as_json: bool
) -> Exit:
    """Keep a decision; the same once more changes nothing."""
    made = decision(**fields)
    detail = f"{made.subject}: {made.why}"
    change = typed(Action.SUPPRESS, f"pipeline {pipeline_id}", detail)
    async with recorded(settings, change, make=False):
        done = await suppress(store_of(settings), pipeline_id, made)
    _print(done, as_json=as_json)
    return Exit.OK


async def run_withdraw(
    settings: Settings, pipeline_id: str, fields: Mapping[str, str], *, as_json: bool
) -> Exit:
    """Take a decision back."""
    key = (fields["fingerprint"], fields["rule"], fields["path"], fields["app"])
    change = typed(Action.WITHDRAW, f"pipeline {pipeline_id}", " ".join(filter(None, key)))
    async with recorded(settings, change, make=False):
        done = await withdraw(store_of(settings), pipeline_id, key)
    _print(done, as_json=as_json)
    return Exit.OK


async def run_list(settings: Settings, pipeline_id: str, *, as_json: bool, as_yaml: bool) -> Exit:
    """List all decisions for a pipeline."""
    listed = await decisions(store_of(settings), pipeline_id)
    if as_yaml:
        sys.stdout.write(as_file(listed))
    elif as_json:
        print_json(listed)
    elif listed.decisions:
        print_lines(_table(listed))
    else:
        say(f"no decision holds for pipeline {pipeline_id}")
    return Exit.OK


def _print(done: Suppressed, *, as_json: bool) -> None:
    print_result(done, one_line(f"{done.suppression.subject} {_SAID[done.done]}"), as_json=as_json)
    if done.done != "unchanged":
        anew = command(f"report {done.pipeline_id} --anew")
        say(f"a report that is written already does not know it yet: {anew}")


def _table(listed: Decisions) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("about", "until", "who", "why", "from"):
        table.add_column(name, overflow="fold")
    for each in listed.decisions:
        decided = each.suppression
        until = str(decided.until or "no end") + ("" if each.holds else " (over)")
        of = "" if each.pipeline_id == listed.pipeline_id else f" for {each.pipeline_id}"
        origin = "the fleet's file" if each.decided_at is None else f"command{of}"
        told = (decided.subject, until, decided.who, decided.why, origin)
        table.add_row(*(Text(one_line(text)) for text in told))
    return table
