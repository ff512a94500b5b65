"""Keeps apps away from the host and, unless allowed, from the outside: two rules for the pool.

Docker isolates bridge networks from each other, but a container reaches every service of its
host through the bridge's gateway, even on an internal network. Apps' subnets come from one pool,
so two
static rules do: new connections from the pool to the host are dropped; new connections from the
pool's lower half (`egress: deny`) to anything outside the pool are dropped. Answers to the host's
own connections pass. A container cannot forge its address: it lacks NET_RAW.
"""

import asyncio
import ipaddress
import os
import shutil
from dataclasses import dataclass

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Firewall:
    """The rules for `pool`; installing them needs root and iptables on the engine's host."""

    pool: ipaddress.IPv4Network

    @property
    def denied(self) -> ipaddress.IPv4Network:
        """Where apps without egress live."""
        return next(self.pool.subnets(1))

    @property
    def allowed(self) -> ipaddress.IPv4Network:
        """Where apps with egress, and builds, live."""
        return list(self.pool.subnets(1))[1]

    async def install(self) -> str:
        """Make sure the rules are there; empty, or why they are not. Safe to repeat."""
        if shutil.which("iptables") is None or os.geteuid() != 0:
            return "needs root and iptables on the Docker host"
        for chain, rule in await self._rules():
            if await _iptables("-C", chain, *rule) != 0 and (
                await _iptables("-I", chain, "1", *rule) != 0
            ):
                return f"iptables refused a rule in {chain}"
        return ""

    async def remove(self) -> None:
        """Take the rules back."""
        for chain, rule in await self._rules():
            await _iptables("-D", chain, *rule)

    async def _rules(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        new = ("-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
        forward = "DOCKER-USER" if await _iptables("-S", "DOCKER-USER") == 0 else "FORWARD"
        return (
            ("INPUT", ("-s", str(self.pool), *new)),
            (forward, ("-s", str(self.denied), "!", "-d", str(self.pool), *new)),
        )


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
