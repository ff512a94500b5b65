"""What a worker says of its host: since when things are so, and what it could not see."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from analyzers.ai.config import NOT_CONFIGURED
from clients.host_look import HostWatch
from contract.alerting import AnalyzerFacts, HostFacts
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth, ToolHealth

STATIC = AnalyzerKind.STATIC
LONG_AGO = datetime.now(UTC) - timedelta(hours=5)


def watch(folder: Path, **health: object) -> HostWatch:
    async def ask(kind: AnalyzerKind) -> AnalyzerHealth:
        return AnalyzerHealth.model_validate({"analyzer": kind, "ok": True} | health)

    disks = {"data": folder, "store": folder / "unmounted"}
    return HostWatch("h", disks, ask, {STATIC: "ws://127.0.0.1:9"})


def said(answered_at: datetime | None) -> HostFacts:
    one = AnalyzerFacts(analyzer=STATIC, ok=True, answered_at=answered_at)
    return HostFacts(host="h", at=LONG_AGO, analyzers=(one,))


async def test_when_an_analyzer_last_took_work_outlives_the_worker_that_saw_it(
    tmp_path: Path,
) -> None:
    away = watch(tmp_path, ok=False, reason="refused")
    (one,) = (await away.look(said(LONG_AGO))).analyzers
    assert (one.ok, one.answered_at) == (False, LONG_AGO)
    (never,) = (await away.look(None)).analyzers
    assert never.answered_at is None
    (now,) = (await watch(tmp_path).look(said(LONG_AGO))).analyzers
    assert now.answered_at
    assert now.answered_at > LONG_AGO


async def test_what_cannot_be_seen_is_named_and_not_left_out(tmp_path: Path) -> None:
    tools = (
        ToolHealth(name="bandit", ok=False, starting=True),
        ToolHealth(name="pip-audit", ok=False, lacks_source=True, reason="refused"),
    )
    facts = await watch(tmp_path, tools=tools).look(None)
    assert ([disk.of for disk in facts.disks], facts.unseen_disks) == (["data"], ("store",))
    (one,) = facts.analyzers
    assert (one.untried, one.no_source, one.blind) == (("bandit",), {"pip-audit": "refused"}, {})
    assert not one.has_told_ages, "its metrics do not answer"


async def test_a_tool_that_nobody_gave_an_endpoint_is_no_fault(tmp_path: Path) -> None:
    tools = (
        ToolHealth(name="requirements", ok=False, reason=NOT_CONFIGURED),
        ToolHealth(name="code_quality", ok=False, reason="the endpoint answers 401"),
    )
    (one,) = (await watch(tmp_path, tools=tools).look(None)).analyzers
    assert one.blind == {"code_quality": "the endpoint answers 401"}
