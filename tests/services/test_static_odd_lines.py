"""What real tools flag in files as people save them: the line, the column and what stands there."""

from pathlib import Path

import pytest

from analyzers.runtime.source.text import decoded, lines_of
from analyzers.static.tools import TOOLS
from tests.support.static_run import measure

# `{odd}` stands before what is flagged, in a comment and a text.
SOURCES = {
    "app.py": (
        "# {odd}\nimport subprocess\nT = '''{odd}'''\n\n\ndef f(p):\n"
        "    s = 'é'; subprocess.call('ls ' + p, shell=True)\n    return s\n"
    ),
    "page.js": (
        "/* {odd} */\nexport const t = `{odd}`;\n\nexport function f(node, text) {\n"
        "  const s = 'é'; node.innerHTML = text;\n  return s;\n}\n"
    ),
    "a.css": "/* {odd} */\n\na {\n  /* é */ colr: red;\n}\n",
    "p.html": (
        "<!DOCTYPE html>\n<html lang='en'><head><title>x{odd}</title></head>\n<body>\n"
        "<p>é</p><button>a</button>\n</body></html>\n"
    ),
}
ODD = {
    "formfeed": "\f",
    "tabulator": "\v",
    "separator": "\u2028\u2029",
    "nextline": "\x85",
    "emoji": "😀",
}
ENDS = {"crlf": "\r\n", "cr": "\r"}
CODED = {"mark": "utf-8-sig", "latin": "latin-1", "wide": "utf-16"}
FLAGGED = [
    ("bandit", "B602", "app.py", "subprocess.call("),
    ("ruff", "S602", "app.py", "subprocess.call("),
    ("opengrep", "browser-inner-html", "page.js", "node.innerHTML"),
    ("eslint", "no-unsanitized/property", "page.js", "node.innerHTML"),
    ("stylelint", "property-no-unknown", "a.css", "colr"),
    ("html-validate", "no-implicit-button-type", "p.html", "button>"),
]


def lay(root: Path, name: str) -> dict[str, list[str]]:
    """The file in each form; its lines by path."""
    text = SOURCES[name]
    forms = {key: text.replace("{odd}", odd).encode() for key, odd in ODD.items()}
    forms |= {
        key: text.replace("{odd}", "x").replace("\n", end).encode() for key, end in ENDS.items()
    }
    for key, coding in CODED.items():
        cookie = "# coding: latin-1\n" if (key, name) == ("latin", "app.py") else ""
        if (key, name) != ("wide", "app.py"):
            forms[key] = (cookie + text.replace("{odd}", "é")).encode(coding)
    for key, data in forms.items():
        (root / key).mkdir()
        (root / key / name).write_bytes(data)
    return {
        f"{key}/{name}": lines_of(decoded(data).removeprefix("\ufeff"))
        for key, data in forms.items()
    }


@pytest.mark.parametrize(("tool", "rule", "name", "flagged"), FLAGGED, ids=[f[0] for f in FLAGGED])
async def test_line_column_and_evidence_are_those_of_an_editor(
    tool: str, rule: str, name: str, flagged: str, tmp_path: Path
):
    app, workspace = tmp_path / "app", tmp_path / "w"
    app.mkdir()
    workspace.mkdir()
    lines = lay(app, name)

    parsed = await measure(next(one for one in TOOLS if one.name == tool), app, workspace)

    found = {one.location.path: one for one in parsed.findings if one.rule_id == rule}
    assert found.keys() == lines.keys()
    for path, one in found.items():
        line = lines[str(path)][(one.location.line or 0) - 1]
        assert one.evidence == line.strip(), path
        assert line[(one.location.column or 0) - 1 :].startswith(flagged), path
