"""The record of a host's confined apps: a folder per workflow, found again after any kill."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clients.process.sandbox import Confined

_RECORD = "record.json"


@dataclass(frozen=True, slots=True)
class Record:
    """The plan of a `start`, written before the first process exists.

    Attributes:
        ports: port on 127.0.0.1 by service.
    """

    workflow_id: str
    run_id: str
    source_digest: str
    ports: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Folder `<root>/<digest of the workflow ID>` with one folder per service."""

    root: Path

    def of(self, workflow_id: str) -> Path:
        """The workflow's folder; it need not exist."""
        return self.root / hashlib.sha256(workflow_id.encode()).hexdigest()[:16]

    def write(self, record: Record) -> Path:
        """Make the workflow's folder with its record, by atomic rename."""
        folder = self.of(record.workflow_id)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{_RECORD}.tmp"
        temporary.write_text(json.dumps(asdict(record)))
        os.replace(temporary, folder / _RECORD)
        return folder

    def read(self, workflow_id: str) -> Record | None:
        """The workflow's record; None when there is none or a crash left it unreadable."""
        try:
            data: dict[str, Any] = json.loads((self.of(workflow_id) / _RECORD).read_text())
            return Record(**data)
        except (OSError, ValueError, TypeError):
            return None

    def workflows(self) -> Iterator[str]:
        """Workflow IDs that have a record."""
        for path in sorted(self.root.glob(f"*/{_RECORD}")):
            try:
                yield str(json.loads(path.read_text())["workflow_id"])
            except (OSError, ValueError, KeyError):
                continue

    def services(self, workflow_id: str) -> dict[str, Confined]:
        """Sandboxes of the workflow, by service, running or not."""
        folders = self.of(workflow_id).glob("services/*")
        return {path.name: Confined(path) for path in sorted(folders)}

    def remove(self, workflow_id: str) -> None:
        """Forget the workflow."""
        shutil.rmtree(self.of(workflow_id), ignore_errors=True)
