"""Makes the pictures of docs/pictures: true pages of the demo, while it runs and afterwards.

python -m tests.support.pictures [DATA]

DATA: folder for the stack of the demo; left out: one that is removed afterwards. Takes as long as
`make demo`, with the same needs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.support.browser import ROOT, Browser, browser

PICTURES = ROOT / "docs" / "pictures"
PIPELINE = "demo"
_RESULTS = 40  # so many are in when the picture of the running pipeline is taken
_OF_IT = f"/pipelines/{PIPELINE}"


class Picture(NamedTuple):
    """A page, and how much of it."""

    name: str
    path: str
    height: int = 900
    dark: bool = False


AFTERWARDS = (
    Picture("pipelines", "/pipelines", 420),
    Picture("findings", f"{_OF_IT}/findings", 1100),
    Picture("app", f"{_OF_IT}/apps/careless-1/app1", 1100),
    Picture("models", f"{_OF_IT}/models", 1100, dark=True),
)


def main() -> None:
    """Run the demo and write every picture."""
    PICTURES.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        _pictures(Path(sys.argv[1]).absolute())
        return
    with TemporaryDirectory(prefix="assay-pictures-") as folder:
        _pictures(Path(folder))


def _pictures(data: Path) -> None:
    with _stack(data) as address, browser(address) as window:
        _assay(data, "submit", "controls/demo.yaml", "--id", PIPELINE, "--json")
        _log_in(data, window)
        window("open", path=_OF_IT)
        window("until", selector="#live-matrix td.measured", count=_RESULTS)
        _take(window, Picture("live", _OF_IT, 1200))
        _assay(data, "watch", PIPELINE)
        for picture in AFTERWARDS:
            _take(window, picture)


def _take(window: Browser, picture: Picture) -> None:
    file = str(PICTURES / f"{picture.name}.png")
    window("picture", path=picture.path, file=file, height=picture.height, dark=picture.dark)


def _log_in(data: Path, window: Browser) -> None:
    """As somebody who may operate: the buttons are there."""
    window("open", path=json.loads(_assay(data, "token", "link", "--json"))["url"])
    window("click", role="button", name="Log in")


@contextmanager
def _stack(data: Path) -> Generator[str]:
    address = json.loads(_assay(data, "up", "--json"))["dashboard"]
    try:
        yield address
    finally:
        _assay(data, "down")


def _assay(data: Path, *arguments: str) -> str:
    """The standard output of a command; its words for people go through."""
    command = [sys.executable, str(ROOT / "starter.py"), *arguments]
    env = {**os.environ, "ASSAY_DATA": str(data)}
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
