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
from contract.scans import LostTool, ScanComparison, ScanRun
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
from control.backup_documents import BackedUp, Restored, StoreSchema
from control.compared_looks import ComparedTool, LookCounts
from control.comparison import Change, ComparedApp, ComparedModel, Comparison
from control.deciding import Decisions, ListedDecision, Suppressed
from control.deployment_documents import DeployedVersion, DeploymentStatus, Moved, Switched
from control.documents import (
    Added,
    FormsWritten,
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
from control.log_documents import AnalyzerLog, AppLogs, KeptLog, LogLine, PipelineLogs
from control.regression_documents import AppTrends, ReasonCount, Regressions
from control.rollout import RolloutCheck, RolloutVerdict
from control.schedule_documents import ScheduleChanged, ScheduleDocument, SchedulesDocument
from reports.baseline_results import BaselineCount, BaselineReport, ModelBaseline, UnknownReason
from reports.trends.model import Trend, TrendPoint

# The report is `report.json`, which has a schema of its own.
REPORT = "the report"
OF_COMMAND: Mapping[str, tuple[type[Frozen] | str, ...]] = {
    "demo": (REPORT,),
    "wizard": (Written, REPORT),
    "validate": (Validated,),
    "plan": (Forecast,),
    "submit": (Submitted, REPORT),
    "schedule": (ScheduleChanged, SchedulesDocument, ScheduleDocument),
    "status": (PipelineList, PipelineStatus),
    "watch": (PipelineStatus,),
    "pause": (Sent,),
    "resume": (Sent,),
    "cancel": (Sent,),
    "parallelism": (Sent,),
    "reset-breaker": (Sent,),
    "priority": (Sent,),
    "retry": (Retried, REPORT),
    "add": (Added,),
    "logs": (PipelineLogs, AppLogs),
    "report": (REPORT, FormsWritten),
    "findings": (Findings,),
    "compare": (Comparison,),
    "regressions": (Regressions,),
    "history": (AppTrends,),
    "suppress": (Suppressed, Decisions),
    "schema": ("the schema",),
    "doctor": (Diagnosis,),
    "up": (StackUp,),
    "backup": (BackedUp,),
    "restore": (Restored,),
    "store": (StoreSchema,),
    "down": (StackDown,),
    "prune": (Pruned,),
    "rebuild": (RebuiltStore,),
    "export": (Exported,),
    "import": (Imported,),
    "verify": (Verified,),
    "deployment": (DeploymentStatus, Switched, Moved),
    "verify-deployment": (RolloutVerdict,),
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
    LogLine,
    Check,
    RolloutCheck,
    DeployedVersion,
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
    LostTool,
    ScanRun,
    ScanComparison,
    BaselineReport,
    BaselineCount,
    ModelBaseline,
    UnknownReason,
    Trend,
    TrendPoint,
    ReasonCount,
    ListedDecision,
    TokenRecord,
    FiringAlert,
    UnsentNotice,
    ReceiverAnswer,
)
