"""Files that tools kept beside their reports, read out of the archives of an app's results."""

import json
from pathlib import Path
from typing import Any

from clients.archive_members import read_member
from contract.errors import PlatformError
from reports.model import AppReport, CellReport

_MOST_BYTES = 16 * 1024 * 1024


def attached_json(data_dir: Path, cell: CellReport, name: str) -> tuple[Any, str]:
    """A JSON file that a tool attached, or why it cannot be read. Blocking.

    Args:
        data_dir: folder of the artifacts.
        cell: of the tool.
        name: of the attachment.
    """
    archive = cell.record.artifact
    if name not in cell.report.attachments or archive is None:
        return None, f"{cell.tool} kept no {name}"
    try:
        content = read_member(data_dir / "artifacts", archive, f"{cell.tool}/{name}", _MOST_BYTES)
        return json.loads(content), ""
    except PlatformError as error:
        return None, error.message
    except (ValueError, RecursionError) as error:
        return None, f"{cell.tool}/{name} is no JSON: {type(error).__name__}"


def cell_of(app: AppReport, tool: str) -> CellReport | None:
    """The cell of one tool."""
    return next((cell for cell in app.cells if cell.tool == tool), None)
