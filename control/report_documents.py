"""What is told of the written forms of a report, and of those that are being written."""

from datetime import datetime
from enum import StrEnum

from contract.base import Frozen

MEANINGS = {
    "html": "pages for people, which need no server",
    "json": "all that the report says, for programs",
    "csv": "one table for each subject",
    "parquet": "the same tables, with types",
    "latex": "tables, figures and methods for a paper",
    "sarif": "findings for viewers and code scanning",
    "junit": "one test case for each cell",
    "markdown": "the summary in one page",
    "defectdojo": "findings for DefectDojo",
    "sbom": "bills of materials of the apps",
    "pictures": "each picture as SVG and PDF",
}


class FormState(StrEnum):
    """How a form of a report is; `older`: it was written from an earlier writing of the report."""

    WRITTEN = "written"
    OLDER = "older"
    INCOMPLETE = "incomplete"
    MISSING = "missing"


class ReportForm(Frozen):
    """One form of a report.

    Attributes:
        meaning: what it is for.
        with_report: whether it is written whenever the report is.
        files: how many files it has; `first` names one of them, or the one that there is.
        written_at: when the newest of them was written; null: none is.
        problem: why it is not what it should be; empty: it is.
    """

    form: str
    meaning: str
    state: FormState
    with_report: bool = False
    files: int = 0
    first: str = ""
    size_bytes: int = 0
    written_at: datetime | None = None
    problem: str = ""


class WritingState(StrEnum):
    """Where the writing of a report is."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class Writing(Frozen):
    """A report that is being written, or was since this program started.

    Attributes:
        forms: which forms beside the report itself.
        message: what it does now, or how it ended.
        next_step: what to do about an end that was none.
        by: who asked for it.
    """

    pipeline_id: str
    state: WritingState
    forms: tuple[str, ...] = ()
    message: str = ""
    next_step: str = ""
    by: str = ""
    asked_at: datetime
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in (WritingState.DONE, WritingState.FAILED)


class ReportForms(Frozen):
    """The report of a pipeline in all its forms.

    Attributes:
        as_of: moment that the report is of; null: there is none that can be read.
        stale: why it does not speak for what is recorded now; empty: it does.
        problem: why there is none that can be read: missing, old, damaged.
        ended: whether the pipeline has ended.
        writing: the last writing that this program was asked for; null: none.
    """

    pipeline_id: str
    as_of: datetime | None = None
    stale: str = ""
    problem: str = ""
    problem_next_step: str = ""
    ended: bool = False
    forms: tuple[ReportForm, ...] = ()
    writing: Writing | None = None
