"""Which command prints which JSON document; docs/cli.md is made of it."""

from collections.abc import Mapping

from cli.documents import (
    Check,
    Diagnosis,
    PipelineList,
    Sent,
    StackDown,
    StackUp,
    Submitted,
    Written,
)
from contract.base import Frozen
from control.documents import (
    Added,
    AnalyzerLog,
    AppLogs,
    FormsWritten,
    KeptLog,
    PipelineLine,
    PipelineStatus,
    Retried,
    TimeLeft,
    Validated,
    ValidatedApp,
)

# The report is `report.json`, which has a schema of its own.
REPORT = "the report"
OF_COMMAND: Mapping[str, tuple[type[Frozen] | str, ...]] = {
    "demo": (REPORT,),
    "wizard": (Written, REPORT),
    "validate": (Validated,),
    "submit": (Submitted, REPORT),
    "status": (PipelineList, PipelineStatus),
    "watch": (PipelineStatus,),
    "pause": (Sent,),
    "resume": (Sent,),
    "cancel": (Sent,),
    "parallelism": (Sent,),
    "reset-breaker": (Sent,),
    "retry": (Retried, REPORT),
    "add": (Added,),
    "logs": (AppLogs,),
    "report": (REPORT, FormsWritten),
    "schema": ("the schema",),
    "doctor": (Diagnosis,),
    "up": (StackUp,),
    "down": (StackDown,),
}
PARTS: tuple[type[Frozen], ...] = (
    PipelineLine,
    TimeLeft,
    ValidatedApp,
    KeptLog,
    AnalyzerLog,
    Check,
)
