"""Adapter for nmap: which ports an app has open.

Version detection is left out: it takes 7 to 22 s on an HTTP server and then calls it unknown.
"""

import re
import shutil
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.http import require_answer
from analyzers.dynamic.probe import targets_of
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Coverage, Finding, Skipped, Target

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


class Nmap:
    """Looks at the app's ports: the published one on this host, the usual ones in a network."""

    name = "nmap"
    canary = Canary(serve={"GET /": (200, {"Content-Type": "text/plain"}, "canary")})
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
        """Scan every target's host by TCP connect."""
        scans = []
        for target in targets_of(run):
            await require_answer(target, "before")
            done = await execute(Command(argv=argv(target), limit_s=180))
            await require_answer(target, "after")
            scans.append((target, parse(done.stdout, target)))
        return fold(scans)


def is_this_host(target: Target) -> bool:
    """Whether the target is a published port here: the other ports are not the app's."""
    host = urlsplit(target.base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port_of(target: Target) -> int:
    """Port the target answers on."""
    parts = urlsplit(target.base_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def argv(target: Target) -> tuple[str, ...]:
    """TCP connect scan: needs no privileges, sends no scripts."""
    host = urlsplit(target.base_url).hostname or ""
    line = ["nmap", "-sT", "-Pn", "-n", "-T4", "--host-timeout", "120s", "-oG", "-"]
    if is_this_host(target):
        line += ["-p", str(port_of(target))]
    else:
        line.remove("-n")  # a container's name has to be resolved
        line += ["--top-ports", "1000"]
    return (*line, host)


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


def findings_of(target: Target, ports: list[Port]) -> list[Finding]:
    """Open ports beside the one the app is meant to answer on."""
    found = []
    for port in ports:
        if port.state != "open" or port.number == port_of(target) or is_this_host(target):
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


def fold(scans: list[tuple[Target, tuple[list[Port], int]]]) -> Parsed:
    """One report of all targets; coverage counts ports that answered the scan, open or closed."""
    reached = sum(scanned for _, (_, scanned) in scans)
    shown = [
        f"{target.service} {port.number}/tcp {port.state} {port.service}".strip()
        for target, (ports, _) in scans
        for port in ports
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
    findings = [one for target, (ports, _) in scans for one in findings_of(target, ports)]
    return Parsed(coverage=coverage, findings=tuple(findings))
