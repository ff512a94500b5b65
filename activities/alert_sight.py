"""What a look cannot see, and what nobody looks at any more: neither is over; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from contract.alerting import AnalyzerFacts, Facts, HostFacts, Scope

_SILENT_S, _SPOKE_S = 300.0, 90.0
_MISSED = timedelta(hours=24)
_OF_TOOLS = frozenset({"ToolBlind", "AdvisorySourceAway"})
_OF_ANALYZER = _OF_TOOLS | {"AdvisoriesOld"}
_OF_DISK = frozenset({"DiskFilling", "DiskFull"})


def is_silent(host: HostFacts, facts: Facts) -> bool:
    """Whether its worker has said nothing for so long that what it said last says nothing."""
    silent_s = max(_SILENT_S, 3 * facts.every_s)
    return (facts.at - host.at).total_seconds() > silent_s


def has_spoken(host: HostFacts, facts: Facts) -> bool:
    """Whether it said something so lately that its worker lives."""
    spoke_s = max(_SPOKE_S, 1.5 * facts.every_s)
    return (facts.at - host.at).total_seconds() < spoke_s


def is_missed(since: datetime | None, at: datetime) -> bool:
    """Whether something that was there is away for so long that somebody took it away."""
    return since is not None and at - since > _MISSED


def unseen(facts: Facts) -> Iterator[Scope]:
    """What this look says nothing about, of the hosts that are not forgotten."""
    for host in facts.hosts or ():
        if is_silent(host, facts):
            yield Scope(labels={"host": host.host})
            continue
        if not has_spoken(host, facts):
            yield Scope(names=frozenset({"NoPollers"}), labels={"host": host.host})
        for disk in host.unseen_disks:
            yield Scope(names=_OF_DISK, labels={"host": host.host, "of": disk})
        for analyzer in host.analyzers:
            yield from _unseen_of(analyzer, host.host)


def _unseen_of(analyzer: AnalyzerFacts, host: str) -> Iterator[Scope]:
    where = {"host": host, "analyzer": analyzer.analyzer.value}
    if analyzer.starting:
        yield Scope(names=_OF_ANALYZER | {"AnalyzerAway"}, labels=where)
    elif not analyzer.ok:
        yield Scope(names=_OF_ANALYZER, labels=where)
    elif not analyzer.has_told_ages:
        yield Scope(names=frozenset({"AdvisoriesOld"}), labels=where)
    for tool in analyzer.untried:
        yield Scope(names=_OF_TOOLS, labels={**where, "tool": tool})


def forgotten(facts: Facts) -> Iterator[Scope]:
    """Hosts that are silent, and analyzers that are away, for a day."""
    for host in facts.hosts or ():
        if is_missed(host.at, facts.at):
            yield Scope(labels={"host": host.host})
            continue
        for one in host.analyzers:
            if not one.ok and not one.starting and is_missed(one.answered_at, facts.at):
                where = {"host": host.host, "analyzer": one.analyzer.value}
                yield Scope(names=_OF_ANALYZER | {"AnalyzerAway"}, labels=where)
