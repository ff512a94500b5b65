"""The documents of `export`, `import`, `verify` and `import-sarif`; fields are only ever added."""

from contract.analysis import MeasurementState
from contract.base import Frozen


class Exported(Frozen):
    """An archive that was written.

    Attributes:
        archive: its path.
        members: files in it.
        pipelines: the pipeline, and the baselines that its report is compared with.
        not_held: what belongs to the pipeline and could not be had, with the reason.
    """

    pipeline_id: str
    archive: str
    size_bytes: int
    members: int
    pipelines: tuple[str, ...]
    not_held: tuple[str, ...] = ()


class Imported(Frozen):
    """An archive that was taken over.

    Attributes:
        new: pipelines that were not there before.
        there: pipelines that were there already; nothing was changed.
        lost: results that the archive does not hold; their cells are not measured.
    """

    pipeline_id: str
    new: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class VerifiedTable(Frozen):
    """One table of an archive, and the same table computed again.

    Attributes:
        rows: as computed again.
        only_archive, only_recomputed: rows that only one of the two has.
        why: why it could not be compared; empty: it was.
    """

    name: str
    rows: int = 0
    only_archive: int = 0
    only_recomputed: int = 0
    matches: bool = False
    why: str = ""


class Verified(Frozen):
    """What came of computing an archive's report again.

    Attributes:
        tables: each a `VerifiedTable`.
        files: how many other files the report has: pages, documents of apps, logs.
        other_files: at most 20 of those that came out differently, or that one of the two lacks.
        other_figures: fields of report.json that came out differently.
        lost: results that the archive does not hold.
        matches: everything came out the same.
    """

    pipeline_id: str
    tables: tuple[VerifiedTable, ...]
    files: int
    other_files: tuple[str, ...] = ()
    other_figures: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    matches: bool


class RerunCell(Frozen):
    """One cell of an archive that was measured again.

    Attributes:
        told, again: its state in the archive, and now; null: it did not come.
        versions, findings: in the archive, and now.
        reproduced: same state, same version, the same findings. Measured numbers vary by
            themselves: they decide nothing.
        reasons: why it did not come out the same.
        figures: measured numbers that differ, side by side.
    """

    cell: str
    told: MeasurementState
    again: MeasurementState | None = None
    versions: tuple[str, str] = ("", "")
    findings: tuple[int, int] = (0, 0)
    reproduced: bool = False
    reasons: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


class Rerun(Frozen):
    """Cells of an archive, measured again.

    Attributes:
        pipeline_id: that measured them again.
        app: `model/appN`.
        cells: each a `RerunCell`.
    """

    pipeline_id: str
    archive: str
    app: str
    cells: tuple[RerunCell, ...]

    @property
    def reproduced(self) -> bool:
        """Whether every cell came out the same."""
        return all(cell.reproduced for cell in self.cells)


class ImportedTool(Frozen):
    """What a log says of one app, as a further tool.

    Attributes:
        notes: what is to be read beside its findings.
    """

    tool: str
    state: MeasurementState
    reason: str = ""
    findings: int
    notes: tuple[str, ...] = ()


class ImportedLog(Frozen):
    """A SARIF log that was recorded.

    Attributes:
        app: `model/appN`.
        tools: each an `ImportedTool`.
    """

    pipeline_id: str
    app: str
    tools: tuple[ImportedTool, ...]
