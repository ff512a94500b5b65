"""What the pages do that ask for a part of themselves again, run by Node without a browser."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Steps on the command line come one after the other; what was asked and awaited is printed.
_PAGE = """
const [script, first, steps] = process.argv.slice(1);
const heard = {}, told = [], parts = {}, timers = [];
for (const id of ["fresh-asks", "fresh", "fresh-lost", "fresh-refused"]) parts[id] = {hidden: true};
parts["fresh"].querySelector = () => ({focus: () => told.push("focus")});
let seconds = JSON.parse(first);
globalThis.document = {
  hidden: false, activeElement: null,
  getElementById: (id) => id === "fresh-every"
    ? seconds === null ? null : {dataset: {seconds: String(seconds)}} : parts[id],
  addEventListener: (name, act) => { heard[name] = act; },
};
globalThis.htmx = {trigger: (_, name) => told.push(name)};
globalThis.setTimeout = (act, ms) => { told.push(ms / 1000); timers.push(act); };
eval(require("fs").readFileSync(script, "utf8"));
const acts = {
  tick: () => timers.shift()(),
  answer: (status) => {
    heard["htmx:after:request"]({detail: {ctx: {response: {status}}}});
    heard["htmx:finally:request"]();
  },
  silence: () => { heard["htmx:error"]({}); heard["htmx:finally:request"](); },
  hide: (hidden) => { document.hidden = hidden; heard["visibilitychange"](); },
  every: (value) => { seconds = value; },
  swap: (gone) => {
    document.activeElement = {isConnected: true};
    heard["htmx:before:swap"]();
    document.activeElement.isConnected = !gone;
    heard["htmx:after:swap"]();
  },
};
for (const [name, how] of JSON.parse(steps)) acts[name](how);
const shown = ["fresh-lost", "fresh-refused"].filter((id) => !parts[id].hidden);
process.stdout.write(JSON.stringify([told, shown]));
"""
Step = tuple[str, Any]
TICK: Step = ("tick", None)
ANSWER: Step = ("answer", 200)


def done(steps: list[Step], seconds: int | None = 5) -> tuple[list[Any], list[str]]:
    """What it asked and awaited (in seconds), and which of its messages stand on the page."""
    script = ROOT / "dashboard" / "static" / "fresh.js"
    command = ["node", "-e", _PAGE, str(script), json.dumps(seconds), json.dumps(steps)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    told, shown = json.loads(ran.stdout)
    return told, shown


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([TICK, ANSWER, TICK, ANSWER], [5, "again", 5, "again", 5]),
        ([TICK, ("every", 20), ANSWER], [5, "again", 20]),
        ([TICK, ("every", None), ANSWER], [5, "again"]),
        ([TICK, ("answer", 503), TICK, ("silence", None)], [5, "again", 10, "again", 20]),
        ([TICK, ("answer", 503), TICK, ANSWER], [5, "again", 10, "again", 5]),
        ([("hide", True), TICK, ("hide", False), ANSWER], [5, "again", 5]),
        ([("hide", True), ("hide", False), TICK], [5, "again"]),
        ([TICK, ("swap", True), ANSWER], [5, "again", "focus", 5]),
        ([TICK, ("swap", False), ANSWER], [5, "again", 5]),
    ],
)
def test_it_asks_while_something_runs_and_somebody_looks(steps: list[Step], told: list[Any]):
    assert done(steps)[0] == told


def test_it_asks_at_least_once_a_minute():
    told, _ = done([TICK, *[("silence", None), TICK] * 9])

    assert max(one for one in told if one != "again") == 60


def test_what_does_not_change_any_more_is_never_asked_for():
    assert done([], None) == ([], [])


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([ANSWER], []),
        ([("silence", None)], ["fresh-lost"]),
        ([("answer", 502)], ["fresh-lost"]),
        ([("answer", 401)], ["fresh-refused"]),
        ([("answer", 404), ("silence", None)], ["fresh-lost"]),
        ([("silence", None), ("answer", 403)], ["fresh-refused"]),
        ([("answer", 429), ANSWER], []),
    ],
)
def test_a_page_that_is_not_told_any_more_says_so(steps: list[Step], shown: list[str]):
    assert done(steps)[1] == shown
