"""When an alert fires, when it is over, and that little data raises none."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from activities.alert_rules import MIN_OBSERVATIONS, judge
from activities.alert_states import Telling, changed
from activities.alert_table import ALERTS
from contract.alert import Notice, Severity
from contract.alerting import (
    AnalyzerFacts,
    AnalyzerWindow,
    BreakerFacts,
    Disk,
    Facts,
    HostFacts,
    JanitorFacts,
    Judgement,
    QueueFacts,
    ServerFacts,
    StoredAlert,
    Window,
)
from contract.analyzers import AnalyzerKind

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
GIB = 1024**3


def names(facts: Facts) -> set[str]:
    return {alert.name for alert in judge(facts).alerts}


def window(analyzer: str, measured: int, failed: int, **more: int) -> Facts:
    one = AnalyzerWindow(analyzer=analyzer, measured=measured, infra_failed=failed, **more)
    return Facts(at=NOW, window=Window(since=NOW, analyzers=(one,)))


@pytest.mark.parametrize(
    ("facts", "fires"),
    [
        (window("static", 80, 20), set()),
        (window("static", 79, 21), {"StaticSuccessLow"}),
        (window("static", 1, 1), set()),
        (window("static", 0, MIN_OBSERVATIONS - 1), set()),
        (window("static", 0, MIN_OBSERVATIONS), {"StaticSuccessLow"}),
        (window("dynamic", 75, 25), set()),
        (window("dynamic", 74, 26), {"DynamicSuccessLow"}),
        (window("performance", 10, 90), {"AnalyzerSuccessLow"}),
        (window("ai", 0, 0, subtasks=100, timeouts=10), set()),
        (window("ai", 0, 0, subtasks=100, timeouts=11), {"WebSocketTimeouts"}),
        (window("ai", 0, 0, subtasks=2, timeouts=1), set()),
        (Facts(at=NOW, window=Window(since=NOW, tasks=100, duplicates=5)), set()),
        (Facts(at=NOW, window=Window(since=NOW, tasks=100, duplicates=6)), {"TaskDuplicates"}),
        (Facts(at=NOW, file_fault="line 3"), {"AlertsFileWrong"}),
    ],
)
def test_shares_have_limits_and_a_minimum_of_observations(facts: Facts, fires: set[str]) -> None:
    assert names(facts) == fires


def host(**fields: object) -> Facts:
    return Facts(at=NOW, hosts=(HostFacts.model_validate({"host": "h", "at": NOW} | fields),))


def analyzer(**fields: object) -> Facts:
    known = {"analyzer": AnalyzerKind.STATIC, "ok": True}
    return host(analyzers=(AnalyzerFacts.model_validate(known | fields),))


def disk(free_gib: float, size_gib: float) -> Facts:
    one = Disk(of="data", free_bytes=int(free_gib * GIB), size_bytes=int(size_gib * GIB))
    return host(disks=(one,))


@pytest.mark.parametrize(
    ("facts", "fires"),
    [
        (host(), set()),
        (host(at=NOW - timedelta(minutes=6)), {"HostSilent"}),
        (host(at=NOW - timedelta(days=2)), set()),
        (disk(6, 100), set()),
        (disk(4.9, 100), {"DiskFilling"}),
        (disk(0.4, 100), {"DiskFull"}),
        (disk(3, 20), set()),
        (disk(1.9, 20), {"DiskFilling"}),
        (disk(0.45, 4), set()),
        (analyzer(blind={"bandit": "no finding"}), {"ToolBlind"}),
        (analyzer(no_source={"pip-audit": "refused"}), {"AdvisorySourceAway"}),
        (analyzer(advisories_age_s={"retire": 8 * 86_400.0}), {"AdvisoriesOld"}),
        (analyzer(advisories_age_s={"retire": 6 * 86_400.0}), set()),
        (analyzer(ok=False), set()),
        (analyzer(ok=False, answered_at=NOW), {"AnalyzerAway"}),
        (analyzer(ok=False, starting=True, answered_at=NOW), set()),
        (analyzer(ok=False, answered_at=NOW - timedelta(days=2)), set()),
        (host(swept_at=NOW - timedelta(minutes=29)), set()),
        (host(swept_at=NOW - timedelta(minutes=31)), {"JanitorSilent"}),
        (host(swept_at=NOW - timedelta(hours=9), at=NOW - timedelta(hours=9)), {"HostSilent"}),
    ],
)
def test_what_hosts_tell(facts: Facts, fires: set[str]) -> None:
    assert names(facts) == fires


def server(**fields: object) -> Facts:
    return Facts(at=NOW, server=ServerFacts.model_validate(fields))


def queue(**fields: object) -> Facts:
    known: dict[str, object] = {"queue": "assay-control", "pollers": 1}
    return server(queues=(QueueFacts.model_validate(known | fields),))


@pytest.mark.parametrize(
    ("facts", "fires"),
    [
        (server(wedged={"NonDeterministicError": 3}), {"WorkflowTaskFailing"}),
        (queue(pollers=0), set()),
        (queue(pollers=0, backlog=2, oldest_s=10), set()),
        (queue(pollers=0, backlog=2, oldest_s=61), {"NoPollers"}),
        (queue(backlog=2, oldest_s=3_600), set()),
        (queue(free_slots=0), {"WorkerWithoutSlots"}),
        (queue(queue="assay-apps", free_slots=0), set()),
        (server(janitors=(JanitorFacts(host="h"),)), set()),
        (server(janitors=(JanitorFacts(host="h", paused=True),)), {"JanitorSilent"}),
        (
            server(breakers=(BreakerFacts(pipeline_id="p", name="static", state="open"),)),
            {"BreakerOpen"},
        ),
    ],
)
def test_what_the_server_tells(facts: Facts, fires: set[str]) -> None:
    assert names(facts) == fires


def _waits_on(host_at: datetime | None, name: str = "assay-host-h") -> Facts:
    waits = QueueFacts(queue=name, host="h", pollers=0, backlog=1, oldest_s=600)
    known = () if host_at is None else (HostFacts(host="h", at=host_at),)
    return Facts(at=NOW, hosts=known, server=ServerFacts(queues=(waits,)))


@pytest.mark.parametrize(
    ("said", "fires"),
    [
        (NOW - timedelta(seconds=30), {"NoPollers"}),  # it lives and does not ask
        (NOW - timedelta(seconds=95), set()),
        (NOW - timedelta(minutes=6), {"HostSilent"}),
        (None, set()),
    ],
)
def test_work_that_waits_for_a_host_that_is_away_is_no_page(
    said: datetime | None, fires: set[str]
) -> None:
    assert names(_waits_on(said)) == fires


def test_what_was_not_asked_is_unknown_and_every_alert_is_judged_by_something() -> None:
    nothing = judge(Facts(at=NOW))
    everything = Facts(at=NOW, window=Window(since=NOW), hosts=(), server=ServerFacts(breakers=()))
    assert nothing.alerts == ()
    assert judge(everything).unknown == frozenset()
    assert nothing.unknown | {"AlertsFileWrong", "StoreFailing"} == set(ALERTS)


def _alert(name: str = "ToolBlind", severity: Severity = Severity.WARNING, n: int = 1) -> Notice:
    return Notice(
        key=f"{name}/x",
        name=name,
        severity=severity,
        summary=f"look {n}",
        began_at=NOW + timedelta(minutes=n),
    )


class Watch:
    """Looks once a minute."""

    def __init__(self, receivers: tuple[str, ...] = ("a",), known: bool = True) -> None:
        self.telling = Telling(dict.fromkeys(Severity, receivers), 3_600.0, known)
        self.alerts: dict[str, StoredAlert] = {}
        self.minute = 0

    def look(self, *alerts: Notice, unknown: str = "", patience: int = 2) -> list[Notice]:
        judged = Judgement(
            alerts=alerts, unknown=frozenset([unknown]), patience={"ToolBlind": patience}
        )
        return self.take(judged)

    def judges(self, facts: Facts) -> list[tuple[str, str]]:
        """What is told of a look at these facts: the name, and how it stands."""
        told = self.take(judge(facts))
        ends = {(True, True): "forgotten", (True, False): "over", (False, False): "fires"}
        return [(one.name, ends[one.is_over, one.is_forgotten]) for one in told]

    def take(self, judged: Judgement) -> list[Notice]:
        self.minute += 1
        now = NOW + timedelta(minutes=self.minute)
        change = changed(self.alerts, judged, now, self.telling)
        self.alerts = dict(change.kept)
        return [notice for notice, _ in change.told]


def test_it_fires_once_after_enough_looks_and_is_over_once_after_two_without() -> None:
    watch = Watch()
    assert watch.look(_alert()) == []
    (fired,) = watch.look(_alert(n=2))
    assert (fired.began_at, fired.is_over) == (NOW + timedelta(minutes=1), False)
    assert [watch.look(_alert(n=3 + n)) for n in range(5)] == [[]] * 5
    assert watch.look() == []
    assert watch.look(_alert(n=9)) == []  # it flapped: nobody hears of it
    assert watch.look() == []
    (over,) = watch.look()
    assert (over.is_over, over.began_at) == (True, fired.began_at)
    assert over.id != fired.id
    assert watch.alerts == {}
    assert watch.look() == []


def test_a_fault_that_passes_before_it_fires_is_forgotten() -> None:
    watch = Watch()
    assert [watch.look(_alert()), watch.look(), watch.look(_alert()), watch.look()] == [[]] * 4
    assert watch.alerts == {}


def test_what_lasts_is_repeated_and_information_is_not() -> None:
    watch, info = Watch(), Watch()
    told = [one for n in range(150) for one in watch.look(_alert(n=n), patience=1)]
    assert [one.repeat for one in told] == [0, 1, 2]
    assert all(one.id != other.id for one, other in pairwise(told))
    news = [_alert("BreakerOpen", Severity.INFO, n) for n in range(150)]
    assert len([one for alert in news for one in info.look(alert)]) == 1


def test_what_cannot_be_judged_neither_fires_nor_ends() -> None:
    watch = Watch()
    watch.look(_alert(), patience=1)
    assert [watch.look(unknown="ToolBlind") for _ in range(5)] == [[]] * 5
    assert watch.alerts["ToolBlind/x"].firing


def test_without_receivers_it_fires_and_is_told_when_there_are_some() -> None:
    watch = Watch(receivers=())
    assert [watch.look(_alert(n=n), patience=1) for n in range(3)] == [[]] * 3
    assert watch.alerts["ToolBlind/x"].firing
    watch.telling = Watch().telling
    assert len(watch.look(_alert(n=4))) == 1
    watch.telling = Watch(receivers=(), known=False).telling
    assert [watch.look() for _ in range(5)] == [[]] * 5  # the file is wrong: its end waits, too
    watch.telling = Watch().telling
    (over,) = watch.look()
    assert over.is_over


MINUTE = timedelta(minutes=1)
FULL = Disk(of="data", free_bytes=0, size_bytes=100 * GIB)
ROOM = FULL.model_copy(update={"free_bytes": 90 * GIB})


def test_a_host_that_dies_of_a_full_disk_is_not_well_again_and_forgotten_after_a_day() -> None:
    dead = HostFacts(host="h", at=NOW, disks=(FULL,))
    watch = Watch()
    watch.telling = Telling(dict.fromkeys(Severity, ("a",)), repeat_s=1e9)
    told = [
        (minute, *one)
        for minute in range(24 * 60 + 10)
        for one in watch.judges(Facts(at=NOW + minute * MINUTE, hosts=(dead,)))
    ]
    assert told == [
        (0, "DiskFull", "fires"),
        (7, "HostSilent", "fires"),
        (24 * 60 + 1, "HostSilent", "forgotten"),
        (24 * 60 + 1, "DiskFull", "forgotten"),
    ]
    assert watch.alerts == {}


def test_a_host_that_comes_back_ends_what_is_over_and_one_that_is_gone_does_not() -> None:
    full = HostFacts(host="h", at=NOW, disks=(FULL,))
    watch = Watch()
    watch.judges(Facts(at=NOW, hosts=(full,)))
    back = full.model_copy(update={"at": NOW + 60 * MINUTE, "disks": (ROOM,)})
    looks = [watch.judges(Facts(at=back.at, hosts=(back,))) for _ in range(2)]
    assert looks == [[], [("DiskFull", "over")]]

    watch.judges(Facts(at=NOW, hosts=(full,)))
    assert watch.judges(Facts(at=NOW, hosts=())) == [("DiskFull", "forgotten")]


def test_a_disk_that_cannot_be_looked_at_is_not_empty_again() -> None:
    watch = Watch()
    watch.judges(Facts(at=NOW, hosts=(HostFacts(host="h", at=NOW, disks=(FULL,)),)))
    gone = Facts(at=NOW, hosts=(HostFacts(host="h", at=NOW, unseen_disks=("data",)),))
    assert [watch.judges(gone) for _ in range(4)] == [[]] * 4
    other = Facts(at=NOW, hosts=(HostFacts(host="h", at=NOW, unseen_disks=("tmp",)),))
    assert [watch.judges(other) for _ in range(2)][-1] == [("DiskFull", "over")]


def _one(**fields: object) -> Facts:
    known = {"analyzer": AnalyzerKind.STATIC, "ok": True, "answered_at": NOW}
    one = AnalyzerFacts.model_validate(known | fields)
    return Facts(at=NOW, hosts=(HostFacts(host="h", at=NOW, analyzers=(one,)),))


@pytest.mark.parametrize(
    "silent",
    [
        {"ok": False},
        {"ok": False, "starting": True},
        {"untried": ("bandit",), "has_told_ages": False},
    ],
)
def test_an_analyzer_that_says_nothing_of_its_tools_says_not_that_they_see(
    silent: dict[str, object],
) -> None:
    watch = Watch()
    faults = _one(blind={"bandit": "no finding"}, advisories_age_s={"retire": 9e6})
    looks = [watch.judges(faults) for _ in range(2)]
    assert [name for name, _ in looks[1]] == ["AdvisoriesOld", "ToolBlind"]
    told = [one for _ in range(4) for one in watch.judges(_one(**silent))]
    assert ("ToolBlind", "over") not in told
    assert ("AdvisoriesOld", "over") not in told
    ends = [one for _ in range(2) for one in watch.judges(_one())]
    assert {("ToolBlind", "over"), ("AdvisoriesOld", "over")} <= set(ends)


def test_an_analyzer_that_stays_away_is_forgotten_and_not_over() -> None:
    watch = Watch()
    looks = [watch.judges(_one(ok=False, answered_at=NOW - timedelta(hours=23))) for _ in range(3)]
    assert looks == [[], [("AnalyzerAway", "fires")], []]
    late = _one(ok=False, answered_at=NOW - timedelta(hours=25))
    assert watch.judges(late) == [("AnalyzerAway", "forgotten")]
    assert watch.alerts == {}


def test_what_is_too_much_to_be_told_is_not_over() -> None:
    def facts(count: int) -> Facts:
        tools = {f"tool{number:03}": "no finding" for number in range(100, 100 + count)}
        return _one(blind=tools)

    watch = Watch()
    watch.judges(facts(150))
    assert len(watch.judges(facts(150))) == 150
    hosts = tuple(HostFacts(host=f"d{n}", at=NOW, disks=(FULL,)) for n in range(100))
    many = facts(150).model_copy(update={"hosts": (*(facts(150).hosts or ()), *hosts)})
    told = [one for _ in range(4) for one in watch.judges(many)]
    assert told == [("DiskFull", "fires")] * 100
