"""Tiny apps with a known answer. Asking costs money, so an answer is kept for some hours."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from analyzers.runtime.tool import Canary, Parsed, ToolFault
from contract.analysis import Category, Finding, Severity
from contract.template import Requirement, TemplateSpec

_SEEN_S = 6 * 3600.0
_MISSED_S = 600.0
_KNOWN_ANSWER = "canary-known-answer"
_HEALTH_APP = """\
from flask import Flask

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok"}
"""
# Easy to read, and as unsafe as an app can be.
_UNSAFE_APP = '''\
"""Notes of a small team."""

import sqlite3
import subprocess

from flask import Flask, request

app = Flask(__name__)
ADMIN_PASSWORD = "admin123"


@app.get("/notes")
def find_notes():
    """Notes with the title that was asked for."""
    title = request.args["title"]
    connection = sqlite3.connect("notes.db")
    rows = connection.execute("SELECT text FROM notes WHERE title = '" + title + "'")
    return {"notes": [text for (text,) in rows]}


@app.post("/backup")
def back_up():
    """Copy the notes to the folder that was asked for."""
    folder = request.form["folder"]
    subprocess.run("cp notes.db " + folder, shell=True)
    return {"status": "done"}
'''


def _canary(app: str) -> Canary:
    return Canary(files={"app.py": app}, expect=frozenset({_KNOWN_ANSWER}))


REQUIREMENTS_CANARY = _canary(_HEALTH_APP)
QUALITY_CANARY = _canary(_UNSAFE_APP)


def canary_template() -> TemplateSpec:
    """One requirement that the canary meets and one that it clearly does not."""
    return TemplateSpec(
        slug="canary",
        requirements=(
            Requirement(id="canary-health", text="GET /health answers with a status."),
            Requirement(id="canary-card-payment", text="Visitors can pay by credit card."),
        ),
    )


CANARY_VERDICTS = {"canary-health": "met", "canary-card-payment": "not_met"}


def known_answer(tool: str) -> Finding:
    """Check that the judges gave the answer that every reader of the canary must give."""
    return Finding(
        tool=tool,
        rule_id=_KNOWN_ANSWER,
        message="The judges gave the known answer.",
        severity=Severity.INFO,
        category=Category.QUALITY,
    )


class CanaryMemory:
    """The last answer to a tool's canary: kept for hours when it was right, else for minutes.

    A failure of the endpoint is not kept: it may be over in a second.

    Attributes:
        calls: the calls of the last check.
    """

    def __init__(self, wrong: Callable[[Parsed], str]) -> None:
        """`wrong` returns what is wrong with an answer; empty: it is right."""
        self.calls: list[dict[str, Any]] = []
        self._wrong = wrong
        self._parsed: Parsed | None = None
        self._until_s = 0.0

    async def recall(self, ask: Callable[[], Awaitable[Parsed]]) -> Parsed:
        """The kept answer, or a new one from `ask`.

        Raises:
            ToolFault: it is wrong.
        """
        if self._parsed is None or time.monotonic() > self._until_s:
            self._parsed = await ask()
            self.calls = self._parsed.data["calls"]
            right = not self._wrong(self._parsed)
            self._until_s = time.monotonic() + (_SEEN_S if right else _MISSED_S)
        if reason := self._wrong(self._parsed):
            raise ToolFault(f"canary not seen: {reason}")
        return self._parsed
