"""Drives headless Chromium from a test or a script; the browser's driver is another program's."""

import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analyzers.dynamic.tools.browser import CHROMIUM

ROOT = Path(__file__).parents[2]
INSTALLED = (ROOT / ".tools" / "dynamic").resolve()
PROGRAM = ROOT / "tests" / "support" / "browser_program.py"


class BrowserError(AssertionError):
    """What was asked for is not on the page."""


class Browser:
    """A window; each step is a method of `Hands` in `browser_program.py`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, step: str, /, **how: Any) -> Any:
        """Do a step and return what was seen.

        Raises:
            BrowserError: what it is about is not there; says what the page shows instead.
        """
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": step, "with": how}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError(f"the browser ended at {step} {how}")
        answer = json.loads(line)
        if "failed" in answer:
            raise BrowserError(f"{step} {how}: {answer['failed']}\n{answer['page']}")
        return answer["saw"]


@contextmanager
def browser(origin: str) -> Generator[Browser]:
    """A browser in front of the dashboard at `origin`; ends with this context."""
    job = {"chromium": str(CHROMIUM), "origin": origin}
    job["axe"] = str(INSTALLED / "node_modules/axe-core/axe.min.js")
    # The driver's own Node.js needs a library that a bare Debian lacks.
    env = {**os.environ, "PLAYWRIGHT_NODEJS_PATH": str(ROOT / ".tools/node/bin/node")}
    line = (INSTALLED / "venv/bin/python", "-E", "-s", PROGRAM)
    with subprocess.Popen(
        line, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        process.stdin.write(json.dumps(job) + "\n")
        try:
            yield Browser(process)
        finally:
            process.stdin.close()
            process.wait(30)
