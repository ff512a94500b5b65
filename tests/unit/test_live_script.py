"""What the live page says when its events do not come any more, run by Node without a browser."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_PAGE = """
const heard = {}, parts = {};
for (const id of ["live", "live-lost", "live-refused"]) parts[id] = {hidden: true};
let tick;
globalThis.document = {
  hidden: false,
  getElementById: (id) => parts[id],
  addEventListener: (name, act) => { heard[name] = act; },
};
globalThis.htmx = {trigger() {}};
globalThis.setInterval = (act) => { tick = act; };
eval(require("fs").readFileSync(process.argv[1], "utf8"));
for (const [name, detail] of JSON.parse(process.argv[2])) {
  if (name === "tick") tick(); else heard[name]({detail});
}
const shown = Object.keys(parts).filter((id) => id !== "live" && !parts[id].hidden);
process.stdout.write(shown.join(" "));
"""
_OPEN: tuple[str, Any] = ("htmx:sse:after:connection", {})
_TICK: tuple[str, Any] = ("tick", None)
_LOST: tuple[str, Any] = ("htmx:sse:error", {"error": "x"})


def refused(status: int) -> tuple[str, Any]:
    return "htmx:sse:error", {"status": status}


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([_OPEN], ""),
        ([_OPEN, _LOST], "live-lost"),
        ([_OPEN, refused(503)], "live-lost"),
        ([_OPEN, refused(401), _TICK], "live-refused"),
        ([_OPEN, refused(404), _LOST], "live-lost"),
        ([_OPEN, refused(429), _OPEN], ""),
        ([_TICK], "live-lost"),
        ([("htmx:response:error", {"ctx": {"response": {"status": 404}}}), _TICK], "live-refused"),
        ([("htmx:error", {"ctx": {}})], "live-lost"),
        ([_OPEN, ("htmx:sse:close", {}), _TICK], "live-lost"),
    ],
)
def test_a_dashboard_that_refuses_is_not_said_to_be_away(events: list[Any], shown: str) -> None:
    script = ROOT / "dashboard" / "static" / "live.js"
    command = ["node", "-e", _PAGE, str(script), json.dumps(events)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout == shown
