"""The thresholds: from facts to the alerts that they justify; pure.

A share is judged only from a minimum of observations on: one failure of two says nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from activities.alert_sight import forgotten, has_spoken, is_missed, is_silent, unseen
from activities.alert_table import ALERTS
from contract.alert import Notice
from contract.alerting import (
    AnalyzerFacts,
    Disk,
    Facts,
    Judgement,
    QueueFacts,
    ServerFacts,
    Window,
)
from contract.analyzers import AnalyzerKind

WINDOW = timedelta(hours=1)
"""Of recordings that shares are computed of."""
MIN_OBSERVATIONS = 20
"""Cells, or subtasks, below which no share is judged."""
_LEAST_RATE = 0.75
_DUPLICATES_MAX, _TIMEOUTS_MAX = 0.05, 0.10
_GIB = 1024**3
_FILLING, _FULL = (5 * _GIB, 0.05), (512 * 1024**2, 0.01)
_WAITS_S = 60.0
_ADVISORIES_MAX_S = 7 * 86_400.0
_JANITOR_SILENT = timedelta(minutes=30)
_NEVER_FULL = frozenset({"assay-control"})
_MOST = 200
_Found = Iterator[Notice]


def judge(facts: Facts) -> Judgement:
    """The alerts that these facts justify, at most 200, and those that they say nothing about."""
    alerts: list[Notice] = []
    unknown: set[str] = set()
    for known, names, rule in _rules(facts):
        if known:
            alerts += rule()
        else:
            unknown |= set(names)
    alerts.sort(key=lambda one: (one.severity.rank, one.key))
    unique = {one.key: one for one in alerts}
    hosts = None if facts.hosts is None else frozenset(one.host for one in facts.hosts)
    return Judgement(
        alerts=tuple(unique.values())[:_MOST],
        unknown=frozenset(unknown),
        unseen=tuple(unseen(facts)),
        cut=frozenset([*unique][_MOST:]),
        forgotten=tuple(forgotten(facts)),
        hosts=hosts,
        patience={name: kind.patience for name, kind in ALERTS.items()},
    )


def _rules(facts: Facts) -> Iterator[tuple[bool, tuple[str, ...], Callable[[], _Found]]]:
    at, window, hosts, server = facts.at, facts.window, facts.hosts, facts.server
    shares = ("StaticSuccessLow", "DynamicSuccessLow", "AnalyzerSuccessLow", "WebSocketTimeouts")
    yield (
        window is not None,
        ("TaskDuplicates", *shares),
        lambda: _of_window(window or Window(since=at), at),
    )
    of_host = ("DiskFilling", "DiskFull", "ToolBlind", "AdvisorySourceAway", "AdvisoriesOld")
    names = ("HostSilent", "AnalyzerAway", "JanitorSilent", *of_host)
    yield hosts is not None, names, lambda: _of_hosts(facts)
    of_server = ("WorkflowTaskFailing", "NoPollers", "WorkerWithoutSlots", "JanitorSilent")
    yield server is not None, of_server, lambda: _of_server(server or ServerFacts(), facts)
    breakers = server.breakers if server else None
    yield breakers is not None, ("BreakerOpen",), lambda: _of_breakers(server, at)
    yield True, ("AlertsFileWrong",), lambda: _of_file(facts.file_fault, at)


def notice(
    name: str, at: datetime, summary: str, *, what: str = "", detail: str = "", **labels: str
) -> Notice:
    """One alert of this name about `what`."""
    kind = ALERTS[name]
    return Notice(
        key=f"{name}/{what}"[:200] if what else name,
        name=name,
        severity=kind.severity,
        summary=summary[:300],
        detail=detail[:2_000],
        labels=labels,
        next_step=kind.next_step,
        link=f"runbook.md#{name.lower()}",
        began_at=at,
    )


def _of_window(window: Window, at: datetime) -> _Found:
    minutes = f"{WINDOW.total_seconds() / 60:.0f} minutes"
    if window.tasks >= MIN_OBSERVATIONS and window.duplicates / window.tasks > _DUPLICATES_MAX:
        share = f"{window.duplicates} of {window.tasks}"
        yield notice("TaskDuplicates", at, f"{share} tasks of the last {minutes} are there twice")
    for one in window.analyzers:
        total = one.measured + one.infra_failed
        own = AnalyzerKind(one.analyzer).row.least_rate
        least = own or _LEAST_RATE
        if total >= MIN_OBSERVATIONS and one.measured / total < least:
            name = f"{one.analyzer.capitalize()}SuccessLow" if own else "AnalyzerSuccessLow"
            share = f"{one.measured} of {total} ({one.measured / total:.0%}, limit {least:.0%})"
            text = f"{one.analyzer} measured {share} in the last {minutes}"
            yield notice(name, at, text, what=one.analyzer, analyzer=one.analyzer)
        ended = one.subtasks
        if ended >= MIN_OBSERVATIONS and one.timeouts / ended > _TIMEOUTS_MAX:
            share = f"{one.timeouts} of {ended} subtasks of {one.analyzer}"
            text = f"{share} of the last {minutes} got no answer in time"
            yield notice("WebSocketTimeouts", at, text, what=one.analyzer, analyzer=one.analyzer)


def _of_hosts(facts: Facts) -> _Found:
    at = facts.at
    for host in facts.hosts or ():
        name = host.host
        if is_missed(host.at, at):  # it was taken away
            continue
        if is_silent(host, facts):
            text = f"the worker of {name} has said nothing for {_for(at - host.at)}"
            yield notice("HostSilent", at, text, what=name, host=name)
            continue
        for disk in host.disks:
            yield from _of_disk(disk, name, at)
        for analyzer in host.analyzers:
            yield from _of_analyzer(analyzer, name, at)
        if host.swept_at and at - host.swept_at > _JANITOR_SILENT:
            text = (
                f"the janitor of {name} has swept nothing to the end for {_for(at - host.swept_at)}"
            )
            yield notice("JanitorSilent", at, text, what=name, host=name)


def _of_disk(disk: Disk, host: str, at: datetime) -> _Found:
    for name, (least, share) in (("DiskFull", _FULL), ("DiskFilling", _FILLING)):
        # On a small disk the share decides, on a large one the room.
        if disk.free_bytes < min(least, 2 * share * disk.size_bytes):
            free = f"{disk.free_bytes / _GIB:.1f} of {disk.size_bytes / _GIB:.1f} GiB"
            text = f"{free} free for {disk.of} on {host}"
            yield notice(name, at, text, what=f"{host}/{disk.of}", host=host, of=disk.of)
            return


def _of_analyzer(one: AnalyzerFacts, host: str, at: datetime) -> _Found:
    kind = one.analyzer.value
    where = {"host": host, "analyzer": kind}
    answered = one.answered_at is not None and not is_missed(one.answered_at, at)
    if not one.ok and not one.starting and answered:
        text = f"analyzer {kind} takes no work of {host}"
        yield notice("AnalyzerAway", at, text, what=f"{host}/{kind}", detail=one.reason, **where)
    for name, tools in (("ToolBlind", one.blind), ("AdvisorySourceAway", one.no_source)):
        said = "is blind" if name == "ToolBlind" else "gets no answer from its source"
        for tool, why in sorted(tools.items()):
            what, text = f"{host}/{kind}/{tool}", f"{tool} of {kind} {said}"
            yield notice(name, at, text, what=what, detail=why, tool=tool, **where)
    for source, age_s in sorted(one.advisories_age_s.items()):
        if age_s > _ADVISORIES_MAX_S:
            text = f"advisories of {source} are {age_s / 86_400:.0f} days old"
            what = f"{host}/{kind}/{source}"
            yield notice("AdvisoriesOld", at, text, what=what, source=source, **where)


def _of_server(server: ServerFacts, facts: Facts) -> _Found:
    at = facts.at
    for cause, count in sorted(server.wedged.items()):
        text = f"{count} workflows cannot go on: {cause}"
        named = f"one of them: {server.wedged_named.get(cause, '')}"
        yield notice("WorkflowTaskFailing", at, text, what=cause, detail=named, reason=cause)
    # Work in the queue of a host that is away waits for it: that is HostSilent.
    speaking = {"", *(one.host for one in facts.hosts or () if has_spoken(one, facts))}
    for queue in server.queues:
        if queue.host in speaking:
            yield from _of_queue(queue, at)
    seen = {one.host for one in facts.hosts or () if not is_silent(one, facts)}
    known = {one.host for one in facts.hosts or ()}
    for janitor in server.janitors:
        name = janitor.host
        if janitor.paused and (name in seen or name not in known):
            text = f"the janitor of {name} is paused"
            yield notice("JanitorSilent", at, text, what=name, host=name)


def _of_queue(queue: QueueFacts, at: datetime) -> _Found:
    name = queue.queue
    labels = {"queue": name} | ({"host": queue.host} if queue.host else {})
    if not queue.pollers and queue.backlog and queue.oldest_s > _WAITS_S:
        waits = f"{queue.backlog} tasks wait in {name}, the oldest for {queue.oldest_s:.0f} s"
        yield notice("NoPollers", at, f"{waits}: no worker asks", what=name, **labels)
    if queue.pollers and queue.free_slots == 0 and name in _NEVER_FULL:
        text = f"no worker of {name} has a free slot"
        yield notice("WorkerWithoutSlots", at, text, what=name, **labels)


def _of_breakers(server: ServerFacts | None, at: datetime) -> _Found:
    for one in (server.breakers if server else None) or ():
        what = f"{one.pipeline_id}/{one.name}"
        text = f"breaker {one.name} of {one.pipeline_id} is {one.state.replace('_', ' ')}"
        labels = {"pipeline": one.pipeline_id, "breaker": one.name}
        yield notice("BreakerOpen", at, text, what=what, detail=one.reason, **labels)


def _of_file(fault: str, at: datetime) -> _Found:
    if fault:
        yield notice(
            "AlertsFileWrong", at, "the alerts file is wrong: nobody is told", detail=fault
        )


def _for(time: timedelta) -> str:
    minutes = time.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
