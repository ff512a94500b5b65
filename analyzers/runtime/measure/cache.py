"""The result cache of an analyzer: reports of unchanged apps. Failures are never kept.

The key of a report is a digest of everything that could change it (`cache_key.py`).
"""

import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contract.analysis import MeasurementState, ToolReport
from contract.base import Frozen

LIVE_MAX_AGE = timedelta(hours=1)
UNUSED_MAX_AGE = timedelta(days=30)
MAX_CACHE_BYTES = 4 * 1024**3
_PART_MAX_AGE = timedelta(hours=1)  # longer than writing one takes
_CACHED_STATES = (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE)
_ENTRY = "entry.json"
_PART = "part-"

logger = logging.getLogger("assay.analyzer")


class CacheEntry(Frozen):
    """A kept report.

    Attributes:
        shared: values that the tool left for later tools, as JSON.
        has_shared: whether it left any.
        max_age: how old it may become; None: any age.
    """

    report: ToolReport
    shared: Any = None
    has_shared: bool = False
    kept_at: datetime
    max_age: timedelta | None = None


class ReportCache:
    """Keeps reports below `folder`, one sub-folder per key, written by atomic rename.

    Args:
        max_age: of any report, even if its tool allows more; None: no limit.
        now: the clock.
    """

    def __init__(
        self,
        folder: Path,
        max_age: timedelta | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._max_age = max_age
        self._now = now

    def load(self, key: str, attachments: Path) -> CacheEntry | None:
        """The kept report, marked with its age, its attachments copied to `attachments`. Blocking.

        A report that is older than it may become counts as unknown.
        """
        entry_dir = self._folder / key
        try:
            entry = CacheEntry.model_validate_json((entry_dir / _ENTRY).read_bytes())
            if entry.max_age is not None and self._now() - entry.kept_at > entry.max_age:
                return None
            for name in entry.report.attachments:
                attachments.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry_dir / name, attachments / name)
            self._touch(entry_dir)
        except (OSError, ValidationError):
            return None
        provenance = entry.report.provenance.model_copy(update={"cached_from": entry.kept_at})
        report = entry.report.model_copy(update={"provenance": provenance})
        return entry.model_copy(update={"report": report})

    def save(
        self,
        key: str,
        report: ToolReport,
        shared: dict[str, Any],
        attachments: Path,
        fresh_for: timedelta | None = None,
    ) -> None:
        """Keep a report, if it says something about the app. Blocking; a full disk is only logged.

        `fresh_for` is how long the report may be used again; zero: it is not kept.
        """
        if report.state not in _CACHED_STATES or (fresh_for is not None and not fresh_for):
            return
        has_shared = report.tool in shared
        handed_on = shared.get(report.tool)
        if has_shared and not _is_json(handed_on):
            logger.warning("%s: report not kept: what it hands on is not JSON", report.tool)
            return
        limits = [limit for limit in (self._max_age, fresh_for) if limit is not None]
        entry = CacheEntry(
            report=report,
            shared=handed_on,
            has_shared=has_shared,
            kept_at=self._now(),
            max_age=min(limits, default=None),
        )
        part = self._folder / f"{_PART}{uuid.uuid4().hex}"
        try:
            part.mkdir(parents=True)
            for name in report.attachments:
                shutil.copyfile(attachments / name, part / name)
            (part / _ENTRY).write_text(entry.model_dump_json(), encoding="utf-8")
            self._touch(part)
            shutil.rmtree(self._folder / key, ignore_errors=True)
            os.replace(part, self._folder / key)
        except OSError as error:
            logger.warning("%s: report not kept: %s", report.tool, error)
            shutil.rmtree(part, ignore_errors=True)

    def expire(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        """Remove what is too old or long unused, then the longest unused above `max_bytes`.

        Blocking. Leftovers of broken writes go after an hour.
        """
        unused = min(UNUSED_MAX_AGE, self._max_age or UNUSED_MAX_AGE)
        kept_bytes = 0
        for used_at, size_bytes, entry in sorted(self._entries(), reverse=True):
            limit = _PART_MAX_AGE if entry.name.startswith(_PART) else unused
            kept_bytes += size_bytes
            if kept_bytes > max_bytes or used_at < (self._now() - limit).timestamp():
                kept_bytes -= size_bytes
                shutil.rmtree(entry, ignore_errors=True)

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When each entry was last used, its size in bytes, and its folder."""
        found: list[tuple[float, int, Path]] = []
        for entry in self._folder.glob("*/"):
            try:
                size_bytes = sum(file.stat().st_size for file in entry.iterdir())
                found.append((entry.stat().st_mtime, size_bytes, entry))
            except OSError:  # replaced or removed meanwhile
                continue
        return found

    def _touch(self, entry_dir: Path) -> None:
        used_at = self._now().timestamp()
        os.utime(entry_dir, (used_at, used_at))


def _is_json(value: Any) -> bool:
    try:
        return json.loads(json.dumps(value, allow_nan=False)) is not None or value is None
    except (TypeError, ValueError, RecursionError):
        return False
