"""Wapiti's attack modules: one run for each, of a wapiti that is loaded once.

A killed wapiti leaves no report, so each module has its own run. Loading wapiti takes longer than
most modules, so the runs are forks of one loaded process.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzers.dynamic import forked
from analyzers.dynamic.scanners import Confined
from analyzers.runtime.process.process import tail_of
from analyzers.runtime.reasons import Reason
from analyzers.runtime.tool import ToolFault
from contract.analysis import SkipCause

PROGRAM = Path(forked.__file__).resolve()
# One run each. `permanentxss` looks for values that `xss` left in the app: alone it does nothing.
ATTACKS = (
    *(("sql",), ("xss", "permanentxss"), ("exec",), ("file",)),
    *(("redirect",), ("crlf",), ("upload",)),
)
CANARY_ATTACKS = (("xss",),)
STARTUP_S = 30.0
_ENDED = "wapiti-ended.json"
_MAX_BYTES = 64 * 1024 * 1024
_LAUNCHED = re.compile(rb"^\[\*\] Launching module (\w+)\s*$", re.MULTILINE)
_STOPPED = re.compile(rb"^Max attack time was reached for module (\w+),", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Attacked:
    """The result of one run's modules.

    Attributes:
        ran: modules that ran.
        skipped: module -> why it did not run, or did not finish.
        report: its raw report; empty: none.
    """

    ran: tuple[str, ...]
    skipped: Mapping[str, str]
    report: bytes = b""


@dataclass(frozen=True, slots=True)
class Attack:
    """All runs over one target.

    Attributes:
        shared: arguments of each, as after the crawl.
        share_s: the time of each module.
        limit_s: no run begins later than this.
        headers: arguments for the contents of each request, see `secret_headers`.
    """

    shared: Sequence[str]
    share_s: float
    limit_s: float
    headers: bytes

    async def run(
        self, means: Confined, python: str, groups: Sequence[tuple[str, ...]]
    ) -> list[Attacked]:
        """Run one module after another.

        Raises:
            ToolFault: even their results are unknown.
        """
        runs = [self._run(group) for group in groups]
        job = forked.Job(
            module="wapitiCore.main.wapiti",
            function="wapiti_asyncio_wrapper",
            limit_s=self.limit_s,
            ended=_ENDED,
            runs=runs,
        )
        output = means.box.folder / _ENDED
        for left in means.box.folder.glob("wapiti-*"):  # by the runs over another target
            left.unlink()
        command = means.box.command(
            # Isolated, or modules beside our script would come before the standard library's.
            (python, "-I", "-B", str(PROGRAM), json.dumps(job), *self.shared),
            output=output,
            limit_s=sum(run["limit_s"] for run in runs) + STARTUP_S,
            stdin=self.headers,
            called="wapiti",
        )
        done = await means.execute(command)
        try:
            ended: list[forked.Ended] = json.loads(done.output)
            found = {module["name"]: module for module in ended}
            return [self._attacked(means, group, found[_name(group)]) for group in groups]
        except (ValueError, TypeError, KeyError) as error:
            raise ToolFault(f"wapiti: unreadable list of its runs: {error}") from error

    def _run(self, group: tuple[str, ...]) -> forked.Run:
        detail = "2" if "xss" in group else "1"  # to distinguish an echo from a debugger's page
        times = ("--max-scan-time", f"{self.share_s:.0f}", "--max-attack-time")
        return forked.Run(
            name=_name(group),
            arguments=[
                *("-dr", detail, *times, f"{self.share_s:.0f}"),
                *("-m", ",".join(group), "-o", f"{_name(group)}.json"),
            ],
            limit_s=2 * self.share_s * len(group) + STARTUP_S,
        )

    def _attacked(self, means: Confined, group: tuple[str, ...], ended: forked.Ended) -> Attacked:
        if ended["exit_code"] is None:
            return Attacked((), dict.fromkeys(group, f"not reached within {self.limit_s:g} s"))
        try:
            output = _left(means, f"{_name(group)}.log")
            if code := ended["exit_code"]:
                how = f"killed after {ended['spent_s']:.0f} s" if code < 0 else f"exit code {code}"
                raise ToolFault(f"wapiti: {how}{tail_of(output)}")
            report = _left(means, f"{_name(group)}.json")
        except ToolFault as fault:
            return Attacked((), dict.fromkeys(group, str(fault)[-300:]))
        launched, stopped = (
            {name.decode() for name in pattern.findall(output)} & set(group)
            for pattern in (_LAUNCHED, _STOPPED)
        )
        skipped = {name: "wapiti did not begin it" for name in group if name not in launched}
        halfway = Reason(f"stopped by itself after {self.share_s:g} s", SkipCause.PARTIAL)
        skipped |= dict.fromkeys(stopped, halfway)
        return Attacked(tuple(name for name in group if name in launched), skipped, report)


def _name(group: tuple[str, ...]) -> str:
    return f"wapiti-{group[0]}"


def _left(means: Confined, name: str) -> bytes:
    """The output that a run left.

    Raises:
        ToolFault: there is none, or too much.
    """
    with means.box.opened(means.box.folder / name) as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ToolFault(f"wapiti: {name} is above {_MAX_BYTES} bytes")
    return data
