"""Requirements files as pip reads them: lines, includes (`-r`) and constraints (`-c`)."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analyzers.appsource.manifests import NO_PACKAGE, Dependency, manifest_text
from analyzers.runtime.source.text import lines_of

MAX_INCLUDED = 200
NO_REQUIREMENT = "no requirement that pip would understand"
_PINNED = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?\s*===?\s*([A-Za-z0-9.!+_-]+)\s*\)?$"
)
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\]\s*)?(?:[(<>=!~].*)?$")
_ADDRESS = re.compile(
    r"^[a-z][a-z0-9+.-]*:|^[./~]|^[\w.-]+\s*(\[[^\]]*\])?\s*@\s|^[\w.-]+/|\.(?:whl|tar\.gz|zip)$"
)
_EDITABLE = re.compile(r"^(?:-e|--editable)[ =]\s*")
_INCLUDE = re.compile(r"^(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)$")


@dataclass(slots=True)
class Requirements:
    """The requirements found so far, over all files that include each other.

    Attributes:
        seen: files that were read; no file is read twice, so a circle ends.
        constraints: name -> pinned line of a constraints file.
        included: files that others include, as (file, whether as constraints).
    """

    root: Path
    found: list[Dependency] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    seen: set[tuple[str, bool]] = field(default_factory=set)
    constraints: dict[str, Dependency] = field(default_factory=dict)

    def read(self, path: str, *, as_constraints: bool = False, included_by: str = "") -> None:
        """One file and all its includes; an unreadable file becomes a fault."""
        mark = (path, as_constraints)
        if mark in self.seen:
            return
        if len(self.seen) >= MAX_INCLUDED:
            self.faults[path] = f"not read: more than {MAX_INCLUDED} requirements files"
            return
        self.seen.add(mark)
        try:
            text = manifest_text(self.root, path)
        except ValueError as error:
            where = f" ({included_by} includes it)" if included_by else ""
            self.faults[path] = f"could not be read: {error}{where}"[:300]
            return
        self._lines(path, text, as_constraints)

    def _lines(self, path: str, text: str, as_constraints: bool) -> None:
        for number, line in _logical(text):
            if include := _INCLUDE.match(line):
                self._include(path, include[2].strip(), "c" in include[1][:3], as_constraints)
                continue
            for item in requirement_of(path, number, line):
                if as_constraints:
                    self.constraints.setdefault(item.name, item)
                else:
                    self.found.append(item)

    def _include(self, path: str, target: str, constraint: bool, within: bool) -> None:
        target = re.split(r"\s+#", target)[0].strip("\"'")
        if re.match(r"^[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
            shown = re.sub(r"//[^/@]*@", "//", target)[:200]
            self.faults[f"{path}: {shown}"] = "not read: an address outside the app"
            return
        name = os.path.normpath(os.path.join(os.path.dirname(path), target))
        real_root = os.path.realpath(self.root)
        real = os.path.realpath(os.path.join(real_root, name))
        if os.path.isabs(target) or not real.startswith(real_root + os.sep):
            self.faults[f"{path}: {target[:200]}"] = "not read: it lies outside the app"
            return
        self.read(name, as_constraints=constraint or within, included_by=path)

    def pinned(self) -> list[Dependency]:
        """All dependencies; those without a version get the one of a constraint."""
        return [self._pin(item) for item in self.found]

    def _pin(self, item: Dependency) -> Dependency:
        known = self.constraints.get(item.name)
        if item.exact or item.why or known is None or not known.exact:
            return item
        return replace(item, version=known.version, exact=True)


def read_requirements(path: str, text: str) -> Iterator[Dependency]:
    """Dependencies of only one requirements file; options and includes are ignored."""
    for number, line in _logical(text):
        if not _INCLUDE.match(line):
            yield from requirement_of(path, number, line)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, requirement or include), without comments and other options."""
    pending, first = "", 0
    for number, raw in enumerate(lines_of(text), 1):
        line = raw.strip()
        if not pending:
            first = number
        if line.endswith("\\") and not line.startswith("#"):
            pending += line[:-1].strip() + " "
            continue
        yield from _requirement_lines(first, (pending + line).strip())
        pending = ""
    if pending:
        yield from _requirement_lines(first, pending.strip())


def _requirement_lines(number: int, line: str) -> Iterator[tuple[int, str]]:
    if _EDITABLE.match(line):
        line = _EDITABLE.sub("./", line)
    elif _INCLUDE.match(line):
        yield number, line
        return
    line = re.split(r"(?:^|\s)#|\s--", line)[0].strip()
    if line and not line.startswith("-"):
        yield number, line


def requirement_of(path: str, number: int, text: str) -> Iterator[Dependency]:
    """One requirement in the notation of PEP 508, or an address as pip takes it."""
    if _ADDRESS.search(text):
        yield Dependency(path, number, _address_name(text), why=NO_PACKAGE)
        return
    line = text.partition(";")[0].strip()
    if match := _PINNED.match(line):
        yield Dependency(path, number, canonical(match[1]), match[2], exact=True)
    elif match := _NAME.match(line):
        yield Dependency(path, number, canonical(match[1]))
    else:
        yield Dependency(path, number, line[:100] or "?", why=NO_REQUIREMENT)


def _address_name(text: str) -> str:
    """A name for people; the text before `@` in an address may be a password."""
    if match := re.search(r"#egg=([\w.-]+)", text) or re.match(
        r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s", text
    ):
        return canonical(match[1])
    return re.sub(r"//[^/@]*@", "//", text)[:200]


def canonical(name: str) -> str:
    """A project's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def constraint_files(root: Path, files: Sequence[str]) -> set[str]:
    """Files that others name as constraints: they pin versions, and ask for nothing themselves."""
    found: set[str] = set()
    for path in files:
        try:
            text = manifest_text(root, path)
        except ValueError:
            continue
        for _, line in _logical(text):
            if (include := _INCLUDE.match(line)) and "c" in include[1][:3]:
                target = include[2].strip().strip("\"'")
                found.add(os.path.normpath(os.path.join(os.path.dirname(path), target)))
    return found
