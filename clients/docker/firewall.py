"""Keeps apps away from the host and, unless allowed, from the outside: two rules for the pool.

Docker isolates bridge networks from each other, but a container reaches every service of its host
through the bridge's gateway, even on an internal network. The subnets of apps come from one pool,
so two static rules are enough: new connections from the pool to the host are dropped; new
connections from the pool's lower half (`egress: deny`) to addresses outside the pool are dropped.
Answers to the host's own connections pass. A container cannot forge its address: it lacks NET_RAW.
Where the kernel supports it, it keeps a list of the addresses that it turned away last.
"""

import asyncio
import ipaddress
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 10.0
_LIST = "assay_denied"
_TURNED_AWAY = Path("/proc/net/xt_recent") / _LIST
_ENTRY = re.compile(r"^src=([\d.]+) .*last_seen: (\d+)")


@dataclass(frozen=True, slots=True)
class Firewall:
    """The rules for `pool`; installing them needs root and iptables on the engine's host.

    Attributes:
        names: whether apps ask the host for names, at their network's gateway (Podman).
    """

    pool: ipaddress.IPv4Network
    obstacle: str = ""
    names: bool = False

    @property
    def denied(self) -> ipaddress.IPv4Network:
        """The subnets of apps without egress."""
        return next(self.pool.subnets(1))

    @property
    def allowed(self) -> ipaddress.IPv4Network:
        """The subnets of apps with egress, and of builds."""
        return list(self.pool.subnets(1))[1]

    async def install(self) -> str:
        """Make sure the rules are there; returns why they are not, if so. Safe to repeat."""
        if self.obstacle:
            return self.obstacle
        if shutil.which("iptables") is None or os.geteuid() != 0:
            return "needs root and iptables on the Docker host"
        for chain, *forms in await self._rules():
            for rule in forms:
                if await self._insert(chain, rule):
                    break
            else:
                return f"iptables refused a rule in {chain}"
        return ""

    @staticmethod
    async def _insert(chain: str, rule: tuple[str, ...]) -> bool:
        """Whether `rule` is in `chain` now."""
        if await _iptables("-C", chain, *rule) == 0:
            return True
        return await _iptables("-I", chain, "1", *rule) == 0

    async def remove(self) -> None:
        """Take the rules back."""
        for chain, *forms in await self._rules():
            for rule in forms:
                await _iptables("-D", chain, *rule)

    async def _rules(self) -> tuple[tuple[str, *tuple[tuple[str, ...], ...]], ...]:
        """Chains, each with the variants of its rule, the best one first."""
        new = ("-m", "conntrack", "--ctstate", "NEW")
        listed = ("-m", "recent", "--set", "--name", _LIST, "--rsource")
        forward = "DOCKER-USER" if await _iptables("-S", "DOCKER-USER") == 0 else "FORWARD"
        out = ("-s", str(self.denied), "!", "-d", str(self.pool), *new)
        return (
            ("INPUT", ("-s", str(self.pool), *new, "-j", "DROP")),
            *(
                (("INPUT", self._question(protocol)) for protocol in ("udp", "tcp"))
                if self.names
                else ()
            ),
            (forward, (*out, *listed, "-j", "DROP"), (*out, "-j", "DROP")),
        )

    def _question(self, protocol: str) -> tuple[str, ...]:
        """The rule that allows name queries; it goes above the others."""
        pool = str(self.pool)
        return ("-s", pool, "-d", pool, "-p", protocol, "--dport", "53", "-j", "ACCEPT")

    def turned_away(self, subnet: ipaddress.IPv4Network | None) -> dict[str, str]:
        """When each address of `subnet` was last turned away, in the kernel's time. Blocking.

        Empty where the kernel keeps no list. The list is short, and the kernel forgets old entries.
        """
        if subnet is None:
            return {}
        try:
            lines = _TURNED_AWAY.read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            return {}
        found = (match for line in lines if (match := _ENTRY.match(line)))
        return {row[1]: row[2] for row in found if ipaddress.IPv4Address(row[1]) in subnet}


async def _iptables(*words: str) -> int:
    """Exit code of `iptables`, which waits for its lock."""
    process = await asyncio.create_subprocess_exec(
        "iptables",
        "-w",
        "5",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1
