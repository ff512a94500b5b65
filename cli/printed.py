"""Which command prints which JSON document; docs/cli.md is made of it."""

from collections.abc import Mapping

from cli.documents import (
    Check,
    Diagnosis,
    LoginAddress,
    PipelineList,
    StackDown,
    StackUp,
    Submitted,
    Written,
)
from contract.access import TokenRecord
from contract.base import Frozen
from contract.findings import FoundWeakness
from control.access_documents import Ended, NewToken, Tokens
from control.alert_documents import (
    FiringAlert,
    FiringAlerts,
    ReceiverAnswer,
    Receivers,
    UnsentNotice,
)
from control.archive_documents import (
    Exported,
    Imported,
    ImportedLog,
    ImportedTool,
    Rerun,
    RerunCell,
    Verified,
    VerifiedTable,
)
from control.compared_looks import ComparedTool, LookCounts
from control.comparison import Change, ComparedApp, ComparedModel, Comparison
from control.deciding import Decisions, ListedDecision, Suppressed
from control.documents import (
    Added,
    AnalyzerLog,
    AppLogs,
    FormsWritten,
    KeptLog,
    KeptRows,
    PipelineLine,
    PipelineStatus,
    Pruned,
    PrunedPipeline,
    RebuiltPipeline,
    RebuiltStore,
    Retried,
    TimeLeft,
    Validated,
    ValidatedApp,
)
from control.findings import Findings
from control.findings_scope import NotMeasured, ToolLooks
from control.forecast import Assumed, Forecast, Shows, Took
from control.live_documents import Sent
from reports.baseline_results import BaselineCount, BaselineReport, ModelBaseline, UnknownReason

# The report is `report.json`, which has a schema of its own.
REPORT = "the report"
OF_COMMAND: Mapping[str, tuple[type[Frozen] | str, ...]] = {
    "demo": (REPORT,),
    "wizard": (Written, REPORT),
    "validate": (Validated,),
    "plan": (Forecast,),
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
    "findings": (Findings,),
    "compare": (Comparison,),
    "suppress": (Suppressed, Decisions),
    "schema": ("the schema",),
    "doctor": (Diagnosis,),
    "up": (StackUp,),
    "down": (StackDown,),
    "prune": (Pruned,),
    "rebuild": (RebuiltStore,),
    "export": (Exported,),
    "import": (Imported,),
    "verify": (Verified,),
    "import-sarif": (ImportedLog,),
    "rerun": (Rerun,),
    "alerts": (FiringAlerts, Receivers),
    "token": (NewToken, Tokens, Ended, LoginAddress),
}
PARTS: tuple[type[Frozen], ...] = (
    Took,
    Shows,
    Assumed,
    PipelineLine,
    TimeLeft,
    ValidatedApp,
    KeptLog,
    AnalyzerLog,
    Check,
    PrunedPipeline,
    RebuiltPipeline,
    KeptRows,
    VerifiedTable,
    ImportedTool,
    RerunCell,
    FoundWeakness,
    NotMeasured,
    ToolLooks,
    Change,
    ComparedApp,
    ComparedModel,
    ComparedTool,
    LookCounts,
    BaselineReport,
    BaselineCount,
    ModelBaseline,
    UnknownReason,
    ListedDecision,
    TokenRecord,
    FiringAlert,
    UnsentNotice,
    ReceiverAnswer,
)
