"""Makes `reports/cwe.json` from MITRE's texts on weaknesses, which are part of the multitool.

python -m tests.support.cwe_texts    # writes it
"""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.multitool import multitool

FILE = Path(__file__).parents[2] / "reports/cwe.json"
NOTICE = (
    "Common Weakness Enumeration (https://cwe.mitre.org/), Copyright (c) The MITRE Corporation, "
    "used under its terms (https://cwe.mitre.org/about/termsofuse.html): number: title, what it "
    "is, first of the ways to mitigate it."
)
_MITIGATION = re.compile(r"## Potential Mitigations\s+1\. (?:\*Phase[^*]*\*\. )?([^\n]+)")
_REFERENCE = re.compile(r"\s*\[REF-\d+\]")
_MAX_CHARS = 400


def cwe_json() -> str:
    """The file's content, from the installed multitool."""
    rows: list[dict[str, Any]] = json.loads(multitool("get-cwe", "--all"))
    texts = {row["id"].removeprefix("CWE-"): _texts(row) for row in rows}
    lines = [
        f"{json.dumps(number)}: {json.dumps(texts[number], ensure_ascii=False)}"
        for number in sorted(texts, key=int)
        if texts[number]
    ]
    joined = ",\n".join(lines)
    return f'{{"notice": {json.dumps(NOTICE)},\n"weaknesses": {{\n{joined}\n}}}}\n'


def _texts(row: dict[str, Any]) -> list[str]:
    if row["status"] == "Deprecated":
        return []
    found = _MITIGATION.search(row["help"] or "")
    mitigation = _REFERENCE.sub("", found[1]) if found else ""
    return [row["title"], _whole(row["shortDescription"] or ""), _whole(mitigation)]


def _whole(text: str) -> str:
    """As many sentences of the text as fit."""
    flat = " ".join(text.split())
    if len(flat) <= _MAX_CHARS:
        return flat
    return flat[: flat[:_MAX_CHARS].rfind(". ") + 1]


if __name__ == "__main__":
    FILE.write_text(cwe_json(), encoding="utf-8")
