"""A fleet's report with something in each part that a report can have; names are hostile."""

from datetime import date, timedelta

from contract.analysis import Category, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.spec import AppRef
from contract.suppression import Suppression
from contract.weakness import BaselineState
from reports.baseline_results import BaselineCount, BaselineReport, ModelBaseline, UnknownReason
from reports.control_results import (
    ControlResult,
    ControlsReport,
    FalseAlarm,
    LabelResult,
    ToolScore,
    VoidColumn,
)
from reports.family_results import BugFamily, Families
from reports.model import FleetReport
from reports.study.compared import (
    Comparison,
    CountModel,
    Noise,
    Ordering,
    Place,
    Ranking,
    RankingMethod,
    RankTest,
    RateRatio,
)
from reports.study.figures import Agreement, Design, Figure, FindingFigures, Group, Measure
from reports.study.model import Study
from reports.suppressions import SuppressionUse
from tests.support.large_report import large_fleet
from tests.support.whole_report import whole
from tests.unit.report_samples import HOSTILE, NOW

EVIL = f"evil/{HOSTILE}"
MODELS = ("vendor-0/model-0.5", "vendor-1/model-1.5", EVIL)
MEASURED = MeasurementState.MEASURED
VOID = "missed sqli-login (CWE-89) on careless-1/app1"


def full_report() -> FleetReport:
    """The report; its apps are those of a small fleet."""
    fleet = whole(large_fleet(2, 2), NOW).fleet
    starts = [NOW - timedelta(minutes=40 - 9 * at) for at in range(len(fleet.apps))]
    apps = tuple(
        app.model_copy(update={"started_at": at, "finished_at": at + timedelta(minutes=12)})
        for app, at in zip(fleet.apps, starts, strict=True)
    )
    return fleet.model_copy(
        update={
            "apps": apps,
            "study": study(),
            "controls": controls(),
            "families": families(),
            "baseline": baseline(),
            "suppressions": suppressions(),
            "void": {"static/linter-b": VOID},
        }
    )


def _figure(value: float, low: float, high: float, **more) -> Figure:
    return Figure(value=value, low=low, high=high, n=20, **more)


def _group(model: str | None = None, template: str | None = None) -> Group:
    unseen = Figure(reason="no app was looked at in full", missing=4, least=0.0, most=1.0)
    secure = _figure(0.65, 0.43, 0.82, missing=3, known_bad=1, least=0.5, most=0.8)
    return Group(
        model=model,
        template=template,
        apps=23,
        figures={
            "secure": unseen if model == EVIL else secure,
            "grave_findings": _figure(2.71, 1.5, 4.0),
            "duration_s": _figure(312.0, 290.0, 333.0, at_least=True),
        },
        findings=(
            FindingFigures(
                category=Category.SECURITY,
                whole=19,
                partly=1,
                unseen=3,
                total=None if model == EVIL else 12,
                by_severity=None if model == EVIL else {Severity.HIGH: 9, Severity.LOW: 3},
                suppressed=1,
                scaffold=3,
                origin_unknown=2,
            ),
        ),
        agreement=(
            Agreement(name="quality", alpha=0.71, units=40, judges=3),
            Agreement(name="requirements", reason="one judge answered"),
        ),
    )


def study() -> Study:
    """A study in which nothing is missing but what the page must say is missing."""
    one, two, evil = MODELS
    place = Place(model=one, score=0.8, first_share=0.9, mean_place=1.1, places=(1, 2))
    noise = Noise(measure="duration_s", unit="s", apps=3, measurements=9, within_sd=4.0, limit=11.1)
    return Study(
        design=Design(models=MODELS, templates=("notes", EVIL), complete=False),
        measures=(
            Measure(name="secure", label="Secure", kind="share", better="more", compared=True),
            Measure(name="grave_findings", label="Grave findings", kind="mean", compared=True),
            Measure(name="duration_s", label="Duration", kind="median", unit="s"),
        ),
        fleet=_group(),
        models=tuple(_group(model) for model in MODELS),
        templates=(_group(template="notes"), _group(template=EVIL)),
        cells=(_group(one, "notes"), _group(evil, EVIL)),
        comparisons=(
            Comparison(measure="secure", first=one, second=evil, reason="no app", turned=True),
            Comparison(
                measure="grave_findings",
                first=one,
                second=two,
                test="Wilcoxon signed-rank, zeros split",
                blocks=20,
                left_out=2,
                difference=_figure(-1.2, -2.0, -0.4),
                delta=_figure(-0.41, -0.7, -0.1),
                p=0.0004,
                p_holm=0.0012,
                verdict="first",
            ),
            Comparison(measure="secure", first=one, second=two, p=0.4, verdict="within noise"),
        ),
        ranks=(
            RankTest(
                measure="grave_findings",
                mean_ranks={one: 1.2, two: 2.0, evil: 2.8},
                blocks=20,
                critical_distance=0.74,
                groups=((one,), (two,), (evil,)),
            ),
            RankTest(measure="secure", reason="fewer than three models"),
        ),
        orderings=(
            Ordering(measure="grave_findings", groups=((one, two), (two, evil)), best=(one, two)),
            Ordering(measure="secure", unplaced={evil: "not measured"}, reason="missing data"),
        ),
        counts=(
            CountModel(
                measure="grave_findings",
                reference=one,
                apps=40,
                clusters=20,
                ratios=(RateRatio(model=evil, ratio=_figure(2.4, 1.1, 5.2), p=0.02, p_holm=0.04),),
            ),
            CountModel(measure="security_findings", reason="it did not converge"),
        ),
        ranking=Ranking(
            weights={"secure": 0.7, "duration_s": 0.3},
            methods=(
                RankingMethod(
                    method="topsis",
                    places=(place,),
                    groups=((one,), (two,)),
                ),
            ),
            draws=10_000,
            left_out={evil: "not measured"},
        ),
        noise=(noise,),
        methods=(f"Shares have Wilson intervals {HOSTILE}.",),
    )


def controls() -> ControlsReport:
    """One careless app, one clean one, a tool that is void and one that is not known."""
    static, dynamic = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
    label = LabelResult(id="sqli", cwe=89, title="SQL", severity="high", place="app.py:110")
    alarm = FalseAlarm(tool="ruff", rule_id="S1", severity="low", confidence="low", place="a.py:1")
    seen = {"labels": 8, "found": 7, "recall": 0.875, "interval": (0.53, 0.98)}
    alarms = {"clean": 2, "false_alarms": 1, "believed": 0}
    return ControlsReport(
        controls=(
            ControlResult(
                ref=AppRef(model="careless-1", app_number=1),
                name="careless-1/app1",
                state=MEASURED,
                labels=(label,),
            ),
            ControlResult(
                ref=AppRef(model="clean-1", app_number=1),
                name="clean-1/app1",
                reason="no engine",
                is_clean=True,
                false_alarms=(alarm,),
            ),
        ),
        tools=(
            ToolScore(analyzer=static, tool="linter-a", **seen, **alarms),
            ToolScore(analyzer=static, tool="linter-b", labels=3, recall=0.0, void=VOID),
            ToolScore(analyzer=dynamic, tool="scanner-a", unknown=4, not_measured=("no engine",)),
        ),
        fused=(ToolScore(analyzer=None, tool="*", **seen),),
        void=(VoidColumn(analyzer=static, tool="linter-b", reason=VOID),),
    )


def families() -> Families:
    """One flaw that fourteen apps share."""
    shared = BugFamily(
        key="k",
        family="sql-injection",
        message=f"built by formatting {HOSTILE}",
        cwe=(89,),
        severity=Severity.HIGH,
        count=20,
        apps=tuple(f"m/app{n}" for n in range(1, 15)),
        apps_total=14,
        models={"m": 14},
        scaffold=2,
        example="m/app1",
        where="app.py:7",
        excerpt=f"query = f'{HOSTILE}'",
    )
    return Families(families=(shared,), shared=1, weaknesses=20, of=186)


def baseline() -> BaselineReport:
    """One of each state."""
    counts = tuple(
        BaselineCount(category=Category.SECURITY, severity=Severity.HIGH, state=state, count=at)
        for at, state in enumerate(BaselineState, 1)
    )
    reason = UnknownReason(reason="static/bandit was 1.7 in one and 1.8 in the other", count=4)
    return BaselineReport(
        pipeline_id="earlier",
        apps=3,
        only_now=("m/app4",),
        only_now_total=1,
        counts=counts,
        models=(ModelBaseline(model=EVIL, counts=counts[:1]),),
        reasons=(reason,),
    )


def suppressions() -> tuple[SuppressionUse, ...]:
    """A decision that is used, and one that is over."""
    used = Suppression(fingerprint="v2-0", who="A. Person", why=f"a test {HOSTILE}")
    over = Suppression(rule="B608", path="**", who="B. Person", why="x", until=date(2026, 1, 2))
    return (
        SuppressionUse(suppression=used, state="used", weaknesses=3, apps=2),
        SuppressionUse(suppression=over, state="expired", weaknesses=1, apps=1),
    )
