"""Writes the tables of `docs/blame.md` from rows in code: `python -m tests.support.blame_table`."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from contract.blame import Row

DOCUMENT = Path(__file__).parents[2] / "docs" / "blame.md"
SIDES = {
    "engine": "clients.blame",
    "analyzers": "analyzers.runtime.blame",
    "workflow": "workflows.verdict",
}
_HEAD = "| row | what was seen | becomes | because | before that |\n|---|---|---|---|---|\n"


def rows_of(side: str) -> Sequence[Row] | None:
    """The rows of one side; None while it has no table."""
    try:
        return tuple(importlib.import_module(SIDES[side]).ROWS)
    except ModuleNotFoundError as error:
        if error.name != SIDES[side]:
            raise
        return None


def render(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown."""
    return _HEAD + "".join(
        f"| `{row.key}` | {row.seen} | `{row.state}` | {row.because} | {row.again} |\n"
        for row in rows
    )


def written(side: str, text: str) -> str:
    """The table of one side as the document has it."""
    match = _place(side).search(text)
    assert match is not None, f"docs/blame.md has no table of {side}"
    return match[2]


def _place(side: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {side} -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the tables."""
    text = DOCUMENT.read_text()
    for side in SIDES:
        if (rows := rows_of(side)) is not None:
            table = render(rows)
            text = _place(side).sub(lambda match, table=table: match[1] + table + match[3], text)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
