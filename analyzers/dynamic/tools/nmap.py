"""Adapter for nmap: which ports of an app are open.

Version detection is left out: it takes 7 to 22 s on an HTTP server and then calls it unknown.
"""

import re
import shutil
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from analyzers.dynamic.alive import require_answer
from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.probe import targets_of
from analyzers.dynamic.rules import PROBES
from analyzers.runtime.tool import (
    Canary,
    Command,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Coverage, Finding, Skipped, Target

PUBLISHED = "a published port of this host, whose other ports are not the app's"
MISSING = "nmap is not installed: apt-get install nmap"
DATABASES = {1433, 1521, 3306, 5432, 5984, 6379, 9042, 9200, 11211, 27017}
PORT = re.compile(r"(\d+)/(open|closed|filtered|open\|filtered)/tcp//([^/]*)//([^/]*)/")


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a scan."""

    number: int
    state: str
    service: str
    product: str


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of a scan of one target.

    Attributes:
        scanned: how many ports were looked at.
        meant: the port that the app should answer on: no finding.
    """

    target: Target
    ports: list[Port]
    scanned: int
    meant: int | None


class Nmap:
    """Looks for open ports of the app's containers, where it shares their network."""

    name = "nmap"
    looks_for = frozenset({Category.SECURITY})
    grades = PROBES
    canary = Canary(
        serve={"GET /": (200, {"Content-Type": "text/plain"}, "canary")},
        expect=frozenset({"open-port"}),
    )
    cost = 0.2
    exclusive = False
    after: tuple[str, ...] = ()

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Nmap's own version."""
        if shutil.which("nmap") is None:
            raise ToolFault(MISSING)
        done = await execute(Command(argv=("nmap", "--version"), limit_s=30))
        found = re.search(rb"Nmap version ([\d.]+)", done.stdout)
        if found is None:
            raise ToolFault("nmap --version names no version")
        return found[1].decode()

    def rules_digest(self) -> str:
        """The probes come with the version."""
        return ""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Scan every target's host by TCP connect; for the canary one port, as if unknown."""
        scans = list[Scan]()
        for target in targets_of(run):
            await require_answer(target, "before")
            if run.canary:
                done = await execute(Command(argv=argv(target, port_of(target)), limit_s=60))
                scans.append(Scan(target, *parse(done.stdout, target), meant=None))
            elif not is_this_host(target):
                done = await execute(Command(argv=argv(target), limit_s=180))
                await require_answer(target, "after")
                scans.append(Scan(target, *parse(done.stdout, target), meant=port_of(target)))
        if not scans:
            raise NotApplicable(f"the app is {PUBLISHED}")
        known = {scan.target.service for scan in scans}
        return fold(
            scans, [candidate for candidate in targets_of(run) if candidate.service not in known]
        )


def is_this_host(target: Target) -> bool:
    """Whether the target is a published port here: the other ports are not the app's."""
    host = urlsplit(target.base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port_of(target: Target) -> int:
    """Port of the target."""
    parts = urlsplit(target.base_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def argv(target: Target, only: int | None = None) -> tuple[str, ...]:
    """TCP connect scan of the usual ports or one: needs no privileges, sends no scripts."""
    ports = ("-p", str(only)) if only else ("--top-ports", "1000")
    line = ("nmap", "-sT", "-Pn", "-n", "-T4", "--host-timeout", "120s", "-oG", "-")
    return (*line, *ports, urlsplit(target.base_url).hostname or "")


def parse(raw: bytes, target: Target) -> tuple[list[Port], int]:
    """Ports named in grepable output, and how many were looked at.

    Raises:
        ToolFault: no host was scanned, or the scan was cut at its time limit.
    """
    text = raw.decode("utf-8", "replace")
    if "Status: Timeout" in text:
        raise ToolFault(f"nmap gave up on {target.service} after 120 s")
    ports = [Port(int(hit[1]), hit[2], hit[3], hit[4]) for hit in PORT.finditer(text)]
    ignored = re.search(r"Ignored State: \w+ \((\d+)\)", text)
    scanned = len(ports) + (int(ignored[1]) if ignored else 0)
    if "# Nmap done" not in text or scanned == 0:
        raise ToolFault(f"nmap looked at no port of {target.service}")
    return ports, scanned


def findings_of(scan: Scan) -> list[Finding]:
    """Open ports other than the one that the app should answer on."""
    target, found = scan.target, list[Finding]()
    for port in scan.ports:
        if port.state != "open" or port.number == scan.meant:
            continue
        kind = "open-database-port" if port.number in DATABASES else "open-port"
        text = f"Port {port.number} ({port.service or 'unknown'}) of {target.service} is open"
        found.append(
            make_finding(
                "nmap",
                kind,
                text,
                service=target.service,
                method="TCP",
                parameter=f"{port.number}/tcp",
                evidence=f"{port.number}/tcp {port.state} {port.service} {port.product}".strip(),
            )
        )
    return found


def fold(scans: list[Scan], left_out: list[Target]) -> Parsed:
    """One report of all targets; coverage counts ports that answered the scan, open or closed."""
    reached = sum(scan.scanned for scan in scans)
    shown = [
        f"{scan.target.service} {port.number}/tcp {port.state} {port.service}".strip()
        for scan in scans
        for port in scan.ports
    ]
    silent = [name for name in shown if " filtered" in name]
    coverage = Coverage(
        unit="ports",
        given=reached,
        reached=reached - len(silent),
        skipped=tuple(Skipped(what=name, reason="filtered") for name in silent[:50]),
        skipped_total=len(silent),
        items=tuple(shown[:200]),
    )
    findings = tuple(finding for scan in scans for finding in findings_of(scan))
    notes = tuple(f"{target.service} was not scanned: {PUBLISHED}" for target in left_out)
    return Parsed(coverage=coverage, findings=findings, notes=notes)
