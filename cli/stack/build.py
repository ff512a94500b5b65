"""Names the code that a worker runs: the build ID by which Temporal tells versions apart."""

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path

from cli.program import version
from settings import PROJECT_ROOT

# What a worker's process imports or reads, and nothing else: another command line or dashboard is
# no reason to move a pipeline.
CODE = (
    *("worker.py", "queues.py", "settings.py", "requirements.lock"),
    *("contract", "workflows", "activities", "clients", "control", "store", "reports"),
    "telemetry",
)
_DIGITS = 12


def build_id(root: Path = PROJECT_ROOT) -> str:
    """Version and digest of the worker's code, its dependencies and its Python. Blocking: 20 ms.

    The same files have the same ID on every machine. It is computed when a stack starts and handed
    to the worker, so that one that is started again after a crash is the same version.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    for path in _files(root):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    number = version().split()[1]
    return f"{number}-{digest.hexdigest()[:_DIGITS]}"


def _files(root: Path) -> Iterator[Path]:
    for name in CODE:
        path = root / name
        if path.is_file():
            yield path
        found = (file for file in path.rglob("*") if file.is_file())
        yield from sorted(file for file in found if "__pycache__" not in file.parts)
