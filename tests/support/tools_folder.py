"""A folder with a few installed tools only: with all of them, canaries cost a stack seconds."""

from pathlib import Path

from contract.analyzers import AnalyzerKind

INSTALLED = Path(__file__).resolve().parents[2] / ".tools"


def tools_folder(folder: Path, *wanted: str) -> Path:
    """`folder` with links to the `wanted` tools below `.tools`, for `ASSAY_TOOLS`."""
    for kind in AnalyzerKind:
        (folder / kind).mkdir(parents=True)
    for name in wanted:
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(INSTALLED / name)
    return folder
