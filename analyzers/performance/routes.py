"""GET paths worth loading: `/`, what the template declares, what the source's own routes say."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from analyzers.runtime.tool import SourceTree
from contract.spec import TemplateSpec

_MAX_FILE_BYTES = 1_000_000
_MAX_CANDIDATES = 40
# Loading these would end sessions or change state; a load test reads.
_UNSAFE = re.compile(r"log-?out|sign-?out|delete|remove|reset|shutdown|destroy|unsubscribe", re.I)
_PARAMETER = re.compile(r"<[^>/]*>|\{[^}/]*\}|:[A-Za-z_]\w*")
_FLASK = re.compile(
    r"""@\w+(?:\.\w+)*\.route\(\s*["'](?P<path>/[^"']*)["'](?P<rest>[^)\n]*)""", re.S
)
_METHOD_CALL = re.compile(
    r"""\b(?:app|api|bp|server|\w*[rR]outer)\.get\(\s*["'`](?P<path>/[^"'`]*)"""
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A GET path; `declared_by` says who named it (`root`, `template`, `source`)."""

    path: str
    declared_by: str


def candidates(source: SourceTree, template: TemplateSpec | None) -> tuple[Candidate, ...]:
    """Distinct paths in order of trust, at most 40; parameters are filled with `1`."""
    found: dict[str, Candidate] = {"/": Candidate("/", "root")}
    for path in _from_template(template):
        found.setdefault(path, Candidate(path, "template"))
    for path in _from_source(source):
        found.setdefault(path, Candidate(path, "source"))
    return tuple(found.values())[:_MAX_CANDIDATES]


def paths_in(text: str) -> tuple[str, ...]:
    """GET routes that Flask, FastAPI or Express code declares in `text`, parameters filled in."""
    flask = (
        match["path"]
        for match in _FLASK.finditer(text)
        if "methods" not in match["rest"] or "GET" in match["rest"]
    )
    calls = (match["path"] for match in _METHOD_CALL.finditer(text))
    return tuple(dict.fromkeys(_usable([*flask, *calls])))


def _from_template(template: TemplateSpec | None) -> Iterable[str]:
    if template is None:
        return ()
    return _usable(one.path for one in template.endpoints if one.method.upper() == "GET")


def _from_source(source: SourceTree) -> Iterable[str]:
    for name in source.matching(".py", ".js", ".ts", ".mjs", ".cjs"):
        file = source.root / name
        if file.stat().st_size <= _MAX_FILE_BYTES:
            yield from paths_in(file.read_text(encoding="utf-8", errors="replace"))


def _usable(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        if path.startswith("/") and "*" not in path and not _UNSAFE.search(path):
            yield _PARAMETER.sub("1", path)
