"""Reports of unchanged apps, kept by all that could change them; failures are never kept."""

import hashlib
import json
import logging
import os
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analyzers.runtime.tool import Tool
from contract.analysis import MeasurementState, SubtaskRequest, ToolReport
from contract.base import Frozen

LIVE_MAX_AGE = timedelta(hours=1)
_CACHED_STATES = (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE)
_ENTRY = "entry.json"

logger = logging.getLogger("assay.analyzer")


class CacheEntry(Frozen):
    """A kept report.

    Attributes:
        shared: what the tool handed to later tools, as JSON.
        has_shared: whether it handed on anything.
    """

    report: ToolReport
    shared: Any = None
    has_shared: bool = False
    kept_at: datetime


class ReportCache:
    """Keeps reports below `folder`, one sub-folder per key, written by atomic rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str, *, live: bool, attachments: Path) -> CacheEntry | None:
        """The kept report, marked with its age, its attachments linked into `attachments`.

        Blocking. Live measurements older than `LIVE_MAX_AGE` count as unknown.
        """
        entry_dir = self._folder / key
        try:
            entry = CacheEntry.model_validate_json((entry_dir / _ENTRY).read_bytes())
            if live and datetime.now(UTC) - entry.kept_at > LIVE_MAX_AGE:
                return None
            for name in entry.report.attachments:
                attachments.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry_dir / name, attachments / name)
        except (OSError, ValidationError):
            return None
        provenance = entry.report.provenance.model_copy(update={"cached_from": entry.kept_at})
        report = entry.report.model_copy(update={"provenance": provenance})
        return entry.model_copy(update={"report": report})

    def save(self, key: str, report: ToolReport, shared: dict[str, Any], attachments: Path) -> None:
        """Keep a report that says something about the app. Blocking; a full disk is only logged."""
        if report.state not in _CACHED_STATES:
            return
        has_shared = report.tool in shared
        handed_on = shared.get(report.tool)
        if has_shared and not _is_json(handed_on):
            logger.warning("%s: report not kept: what it hands on is not JSON", report.tool)
            return
        entry = CacheEntry(
            report=report, shared=handed_on, has_shared=has_shared, kept_at=datetime.now(UTC)
        )
        part = self._folder / f"part-{uuid.uuid4().hex}"
        try:
            part.mkdir(parents=True)
            for name in report.attachments:
                shutil.copyfile(attachments / name, part / name)
            (part / _ENTRY).write_text(entry.model_dump_json(), encoding="utf-8")
            shutil.rmtree(self._folder / key, ignore_errors=True)
            os.replace(part, self._folder / key)
        except OSError as error:
            logger.warning("%s: report not kept: %s", report.tool, error)
            shutil.rmtree(part, ignore_errors=True)


def cache_key(tool: Tool, version: str, request: SubtaskRequest) -> str:
    """Digest of all that could change the report: source, tool, version, rules, configuration.

    Container IDs and ports change with every start of the same app, so only the services' names and
    roles count.
    """
    parts = {
        "source": request.source.digest,
        "analyzer": request.analyzer,
        "tool": tool.name,
        "version": version,
        "rules": tool.rules_digest(),
        "options": request.options,
        "template": request.template.model_dump(mode="json") if request.template else None,
        "services": [(target.service, target.role) for target in request.targets],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _is_json(value: Any) -> bool:
    try:
        return json.loads(json.dumps(value, allow_nan=False)) is not None or value is None
    except (TypeError, ValueError, RecursionError):
        return False
