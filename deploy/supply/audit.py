"""Known weaknesses in the packages of our locks: `python -m deploy.supply.audit [--need-source]`.

Each source is first asked about a package whose weakness is well known: one that does not tell of
it does not answer, whatever else it says. pip-audit, for one, ends with "No known vulnerabilities
found" where its source knows no package at all. What nobody was asked about is never called clean.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from deploy.supply.locks import NPM_LOCK, ROOT, all_locks

IGNORED = ROOT / "deploy" / "audit-ignore.toml"
FOUND, NO_SOURCE = 1, 3
_LIMIT_S = 600
_SOURCES = ("pypi", "osv")
# Weaknesses that every source knows: CVE-2019-10906 and CVE-2021-44906.
_PYTHON_CANARY = "jinja2==2.10\n"
_NPM_CANARY: dict[str, Any] = {
    "name": "canary",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "canary", "version": "1.0.0", "dependencies": {"minimist": "0.0.8"}},
        "node_modules/minimist": {"version": "0.0.8"},
    },
}


@dataclass(frozen=True, slots=True)
class Weakness:
    """A known weakness of a package that a lock names."""

    lock: str
    package: str
    version: str
    id: str
    fixed_in: str = ""

    def __str__(self) -> str:
        fixed = f"; fixed in {self.fixed_in}" if self.fixed_in else ""
        return f"{self.lock}: {self.package} {self.version}: {self.id}{fixed}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said of one lock.

    Attributes:
        unknown: packages that it did not tell of.
    """

    weaknesses: tuple[Weakness, ...] = ()
    unknown: tuple[str, ...] = ()


def python_source(folder: Path) -> str:
    """The first source of advisories for Python that answers; empty: none does."""
    canary = folder / "canary.txt"
    canary.write_text(_PYTHON_CANARY)
    for source in _SOURCES:
        answer = _ask_python(canary, source, "--no-deps")
        if answer and answer.weaknesses:
            return source
    return ""


def npm_answers(folder: Path) -> bool:
    """Whether npm's registry has advisories."""
    place = folder / "canary"
    place.mkdir()
    described = {"name": "canary", "version": "1.0.0", "dependencies": {"minimist": "0.0.8"}}
    (place / "package.json").write_text(json.dumps(described))
    (place / NPM_LOCK).write_text(json.dumps(_NPM_CANARY))
    answer = _ask_npm(place / NPM_LOCK)
    return bool(answer and answer.weaknesses)


def _ask_python(lock: Path, source: str, *options: str) -> Answer | None:
    """What a source says of a lock; None: nothing."""
    program = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json"]
    asked = ["--vulnerability-service", source, "--disable-pip", "--requirement", str(lock)]
    said = _json([*program, *asked, *options])
    if not isinstance(said, dict) or "dependencies" not in said:
        return None
    weak, unknown = list[Weakness](), list[str]()
    for one in said["dependencies"]:
        if "skip_reason" in one:
            unknown.append(one["name"])
        for each in one.get("vulns", ()):
            fixed = ", ".join(each.get("fix_versions", ()))
            weak.append(Weakness(_named(lock), one["name"], one["version"], each["id"], fixed))
    return Answer(tuple(weak), tuple(unknown))


def _ask_npm(lock: Path) -> Answer | None:
    said = _json(["npm", "audit", "--json", "--package-lock-only", "--prefix", str(lock.parent)])
    if not isinstance(said, dict) or "vulnerabilities" not in said or "error" in said:
        return None
    return Answer(tuple(_of_npm(lock, said["vulnerabilities"].values())))


def _of_npm(lock: Path, found: Sequence[Any]) -> Iterator[Weakness]:
    versions = {
        path.rpartition("node_modules/")[2]: entry.get("version", "")
        for path, entry in json.loads(lock.read_text(encoding="utf-8"))["packages"].items()
    }
    for one in found:
        for via in one.get("via", ()):
            if isinstance(via, dict):  # a name alone: the weakness is that of the package it names
                id_ = str(via.get("url", "")).rpartition("/")[2] or str(via.get("source", "?"))
                yield Weakness(_named(lock), one["name"], versions.get(one["name"], ""), id_)


def _json(argv: list[str]) -> object:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT_S, cwd=ROOT)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _named(lock: Path) -> str:
    return str(lock.relative_to(ROOT)) if lock.is_relative_to(ROOT) else lock.name


def ignored(today: date, text: str) -> frozenset[tuple[str, str]]:
    """Package and ID of weaknesses that somebody decided about, until the day that they named.

    Raises:
        ValueError: a decision lacks its reason or its day.
    """
    found: set[tuple[str, str]] = set()
    for one in tomllib.loads(text).get("ignore", ()):
        if not (one.get("reason") and isinstance(one.get("until"), date)):
            raise ValueError(f"{IGNORED.name}: {one.get('id')} needs a reason and a day (until)")
        if one["until"] >= today:
            found.add((one["package"], one["id"]))
    return frozenset(found)


def audit(locks: Sequence[Path], decided: frozenset[tuple[str, str]]) -> tuple[int, list[str]]:
    """Ask about every lock.

    Returns:
        Which of nothing (0), `FOUND` and `NO_SOURCE` it came to, and what is to be said.
    """
    lines, weak, asked = list[str](), list[Weakness](), 0
    with tempfile.TemporaryDirectory() as folder:
        source, has_npm = python_source(Path(folder)), npm_answers(Path(folder))
    for lock in locks:
        if lock.name == NPM_LOCK:
            answer = _ask_npm(lock) if has_npm else None
        else:
            answer = _ask_python(lock, source, "--require-hashes") if source else None
        if answer is None:
            lines.append(f"NOT AUDITED {_named(lock)}: no source answered")
            continue
        asked += 1
        weak += answer.weaknesses
        if answer.unknown:
            some = ", ".join(answer.unknown[:5])
            lines.append(f"NOT AUDITED {_named(lock)}: {len(answer.unknown)} packages: {some}")
    open_ones = [one for one in weak if (one.package, one.id) not in decided]
    lines += [f"WEAK {one}" for one in open_ones]
    lines += [f"decided on: {one}" for one in weak if one not in open_ones]
    lines.append(f"{asked} of {len(locks)} locks audited, {len(open_ones)} open weaknesses")
    return (FOUND if open_ones else 0 if asked == len(locks) else NO_SOURCE), lines


def main(arguments: list[str]) -> int:
    """Audit all locks; where no source answers that is said, and no fault unless it is needed."""
    decided = ignored(datetime.now(UTC).date(), IGNORED.read_text(encoding="utf-8"))
    code, lines = audit(all_locks(), decided)
    print("\n".join(lines))
    return 0 if code == NO_SOURCE and "--need-source" not in arguments else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
