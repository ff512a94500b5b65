"""Pages written by hand: links lead somewhere, named files exist, the reading path is short."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.app import app

ROOT = Path(__file__).parents[2]
GENERATED = {"cli.md", "reference.md"}
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name not in GENERATED
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
SOURCE = re.compile(r"[\w./-]+/[\w.-]+\.(?:py|sh|yaml|json|md)")
READING_LINES = 700
READING_FILES = 5


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the page's headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def dead_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    assert not list(dead_links(page))


def named_files(page: Path) -> set[str]:
    """Files of the project that a page names in code: `workflows/settle.py`."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    spans = {span.strip() for span in CODE.findall(text)}
    roots = {path.name for path in ROOT.iterdir() if path.is_dir()}
    return {s for s in spans if SOURCE.fullmatch(s) and s.split("/")[0] in roots}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path):
    """A file that moved is named under its new path."""
    assert not {name for name in named_files(page) if not (ROOT / name).exists()}


@cache
def program() -> Any:
    return get_command(app)


def unknown_words(span: str) -> Iterator[str]:
    """Words of `assay logs ID --follow` that no command or option has."""
    command = program()
    for word in span.split()[1:]:
        if word.startswith("-"):
            flags = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
            if word.partition("=")[0] not in {*flags, "--help"}:
                yield word
        elif below := getattr(command, "commands", None):
            if word not in below:
                yield word
                return
            command = below[word]


def test_commands_that_a_page_names_exist():
    """Who is called by an alert at night does what a page says."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong, named = dict[str, list[str]](), 0
    for page in PAGES:
        spans = CODE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        for span in filter(re.compile("(?:assay|make) [a-z]").match, spans):
            named += 1
            name, word, *_ = span.split()
            found = {word} - targets if name == "make" else {*unknown_words(span)}
            if found:
                wrong[f"{page.name}: {span}"] = sorted(found)
    assert named > 100
    assert not wrong


def test_parts_of_rooms_exist():
    """Rows of the architecture's table "Inside the rooms": a folder, then what is in it."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = page.split("Inside the rooms:")[1].split("\n\nAn analyzer")[0]
    for room, parts in re.findall(r"^\| `([^`]+)/` \| (.+) \|$", table, re.MULTILINE):
        named = [part for part in CODE.findall(parts) if part.endswith((".py", "/"))]
        assert not {part for part in named if not (ROOT / room / part).exists()}, room


def reading_path() -> list[Path]:
    """The numbered files in CONTRIBUTING's section "Read these five files first"."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Read these five files first")[1].split("\n## ")[0]
    return [ROOT / name for name in re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)]


def test_the_reading_path_is_short():
    path = reading_path()
    assert len(path) == READING_FILES
    lines = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in path}
    assert sum(lines.values()) < READING_LINES, lines
