"""New versions of packages, proved: `python -m deploy.supply.update [NAME]`, or `make update`.

Resolves the locks anew (all packages, or one), says what changed, lists licences, and runs
`make check`. If that fails, the tree is what it was before.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deploy.supply.licences import LIST
from deploy.supply.locks import NPM_LOCK, ROOT, all_locks, packages

Run = Callable[[Sequence[str]], int]


def changes(before: Path, after: Path) -> Iterator[str]:
    """What is different between two states of one lock."""
    old = {package.name: package.version for package in packages(before)}
    new = {package.name: package.version for package in packages(after)}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{name}: {old.get(name, 'new')} -> {new.get(name, 'gone')}"


def update(
    name: str, locks: Sequence[Path], also: Sequence[Path], run: Run
) -> tuple[int, list[str]]:
    """Resolve `locks` anew and check the result; on failure, put every file back.

    Args:
        name: of one package; empty: all.
        locks: the locks.
        also: further files that an update changes.
        run: runs a command, and tells its exit code.

    Returns:
        0 if all was checked, else 1; and what is to be said.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Under its own name: that of a lock says how it is read.
        kept = {path: Path(folder) / str(n) / path.name for n, path in enumerate([*locks, *also])}
        for path, copy in kept.items():
            copy.parent.mkdir()
            shutil.copyfile(path, copy)
        try:
            failed = next((step for step in _steps(name, locks) if run(step) != 0), None)
            said = [
                f"{_named(lock)}: {line}" for lock in locks for line in changes(kept[lock], lock)
            ]
            if failed is None and said:
                failed = next((step for step in _PROOF if run(step) != 0), None)
        except BaseException:
            _put_back(kept)
            raise
        if failed is None:
            return 0, said or ["nothing is newer"]
        _put_back(kept)
    run(["make", "setup"])
    return 1, [*said, f"put back: '{' '.join(failed)}' failed"]


_PROOF = (["make", "setup"], ["make", "licences"], ["make", "check"])


def _steps(name: str, locks: Sequence[Path]) -> Iterator[list[str]]:
    """Python's locks by one command; npm's each by its own."""
    choice = f"--upgrade-package {name}" if name else "--upgrade"
    yield ["make", "lock", f"UPGRADE={choice}"]
    for lock in locks:
        if lock.name != NPM_LOCK:
            continue
        if not name or any(package.name == name for package in packages(lock)):
            where = ["--prefix", str(lock.parent)]
            yield ["npm", "update", *([name] if name else []), "--package-lock-only", *where]


def _put_back(kept: dict[Path, Path]) -> None:
    for path, copy in kept.items():
        shutil.copyfile(copy, path)


def _named(lock: Path) -> str:
    return str(lock.relative_to(ROOT)) if lock.is_relative_to(ROOT) else lock.name


def _run(argv: Sequence[str]) -> int:
    return subprocess.run(argv, cwd=ROOT).returncode


def main(arguments: list[str]) -> int:
    """Update one package or all."""
    name = arguments[0] if arguments else ""
    described = [lock.with_name("package.json") for lock in all_locks() if lock.name == NPM_LOCK]
    code, lines = update(name, all_locks(), [*described, LIST], _run)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
