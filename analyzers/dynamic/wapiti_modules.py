"""Wapiti's attack modules: one run for each, of a wapiti that was loaded once.

A wapiti that is killed leaves no report, so a module has a run of its own; loading wapiti takes
longer than most of them, so the runs are forks of one that is loaded.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzers.dynamic import forked
from analyzers.dynamic.scanners import Confined
from analyzers.runtime.process.process import tail_of
from analyzers.runtime.tool import ToolFault

PROGRAM = Path(forked.__file__).resolve()
# One run each. `permanentxss` looks for what `xss` left in the app: alone it does nothing.
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
    """What became of one run's modules.

    Attributes:
        ran: modules that did.
        skipped: module -> why it did not run, or not to its end.
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
        share_s: what each module may take.
        limit_s: no run begins later than this.
        headers: arguments for what each request carries, see `secret_headers`.
    """

    shared: Sequence[str]
    share_s: float
    limit_s: float
    headers: bytes

    async def run(
        self, means: Confined, python: str, groups: Sequence[tuple[str, ...]]
    ) -> list[Attacked]:
        """One after another.

        Raises:
            ToolFault: not even what became of them is known.
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
            # Isolated, or modules beside our script would stand before the standard library's.
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
        detail = "2" if "xss" in group else "1"  # an echo is told from a debugger's page
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
        skipped |= dict.fromkeys(stopped, f"stopped by itself after {self.share_s:g} s")
        return Attacked(tuple(name for name in group if name in launched), skipped, report)


def _name(group: tuple[str, ...]) -> str:
    return f"wapiti-{group[0]}"


def _left(means: Confined, name: str) -> bytes:
    """What a run left.

    Raises:
        ToolFault: nothing, or too much.
    """
    with means.box.opened(means.box.folder / name) as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ToolFault(f"wapiti: {name} is above {_MAX_BYTES} bytes")
    return data
