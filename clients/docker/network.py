"""One network per app, its subnet from our own pool: Docker's default pool ends at about 30."""

import hashlib
import ipaddress
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker
import docker.types

from clients.docker import podman
from clients.docker.about import DOCKER, Engine
from clients.docker.errors import call
from clients.docker.firewall import Firewall
from clients.docker.labels import Labels
from contract.errors import ErrorCode, PlatformError

_PREFIX = 28
# One address each for the network, its gateway, its broadcast and the analyzers' containers.
_RESERVED = 8
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Networks:
    """Makes and removes networks. A network without egress has no address translation either."""

    client: docker.DockerClient
    labels: Labels
    firewall: Firewall
    engine: Engine = DOCKER

    async def create(
        self, workflow_id: str, purpose: str, labels: dict[str, str], egress: bool, members: int = 1
    ) -> str:
        """Make a bridge network for the workflow, or find the existing one; returns its name.

        Args:
            workflow_id: its owner.
            purpose: distinguishes it from the workflow's other networks.
            labels: to find it by.
            egress: whether addresses outside can be reached from it.
            members: how many containers of the app need an address.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED when the pool has no free subnet.
        """
        name = self.labels.name(workflow_id, purpose)
        existing = await call(self.client.networks.list, names=[f"^{name}$"])
        if existing:
            return name
        half = self.firewall.allowed if egress else self.firewall.denied
        prefix = min(_PREFIX, 32 - math.ceil(math.log2(members + _RESERVED)))
        for count, subnet in enumerate(free_subnets(half, await self._used(), name, prefix)):
            try:
                await call(self._create, name, subnet, labels, egress)
                return name
            except PlatformError as error:
                if "verlap" not in error.message or count >= _ATTEMPTS:
                    raise
        raise PlatformError(
            ErrorCode.RESOURCE_EXHAUSTED,
            f"no free /{prefix} left in {half}: tear apps down or configure a larger pool",
        )

    async def require_names(self, name: str) -> None:
        """Refuse a network where services cannot find each other by name.

        Raises:
            PlatformError: FAILED_PRECONDITION.
        """
        if self.engine.name == "Podman" and not await call(podman.has_names, self.client, name):
            message = "this Podman's networks know no names, so services do not find each other:"
            message += " install netavark and aardvark-dns (or the CNI plug-in dnsname), restart it"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)

    async def subnet(self, name: str) -> ipaddress.IPv4Network | None:
        """Subnet of a network; None when it has no IPv4 subnet."""
        network = await call(self.client.networks.get, name)
        return next(iter(_subnets(network.attrs)), None)

    async def connect_peers(self, name: str) -> None:
        """Connect the analyzers' containers to the app's network."""
        network = await call(self.client.networks.get, name)
        members: dict[str, Any] = (await call(self._attributes, network)).get("Containers") or {}
        for peer in await call(self.client.containers.list, filters=self.labels.peers()):
            if peer.id not in members:
                await call(network.connect, str(peer.id))

    async def remove_all(self, workflow_id: str) -> int:
        """Remove the workflow's networks with all connections; returns how many there were."""
        removed = 0
        for network in await call(
            self.client.networks.list, filters=self.labels.filters(workflow_id)
        ):
            removed += await self._remove(network)
        return removed

    async def _remove(self, network: Any) -> bool:
        try:
            attributes: dict[str, Any] = await call(self._attributes, network)
            for member in attributes.get("Containers") or {}:
                await call(network.disconnect, member, force=True)
            await call(network.remove)
        except PlatformError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return False
        return True

    @staticmethod
    def _attributes(network: Any) -> dict[str, Any]:
        network.reload()
        return network.attrs

    def _create(
        self, name: str, subnet: ipaddress.IPv4Network, labels: dict[str, str], egress: bool
    ) -> None:
        pool = docker.types.IPAMPool(subnet=str(subnet))
        self.client.networks.create(
            name,
            driver="bridge",
            check_duplicate=True,
            labels=labels,
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
            internal=not egress and self.engine.closes_by_network,
            options={"com.docker.network.bridge.enable_ip_masquerade": str(egress).lower()},
        )

    async def _used(self) -> list[ipaddress.IPv4Network]:
        networks = await call(self.client.networks.list)
        return [subnet for network in networks for subnet in _subnets(network.attrs)]


def _subnets(attributes: dict[str, Any]) -> Iterator[ipaddress.IPv4Network]:
    for config in (attributes.get("IPAM") or {}).get("Config") or []:
        subnet = str(config.get("Subnet", ""))
        if subnet and ":" not in subnet:
            yield ipaddress.IPv4Network(subnet, strict=False)


def free_subnets(
    pool: ipaddress.IPv4Network,
    used: list[ipaddress.IPv4Network],
    name: str,
    prefix: int = _PREFIX,
) -> Iterator[ipaddress.IPv4Network]:
    """Free subnets of `pool`, not overlapping `used`, beginning at a place derived from `name`.

    So two hosts or workers that choose at the same time seldom choose the same.
    """
    count = 2 ** (prefix - pool.prefixlen)
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count
    size = 2 ** (32 - prefix)
    for step in range(count):
        address = int(pool.network_address) + ((start + step) % count) * size
        subnet = ipaddress.IPv4Network((address, prefix))
        if not any(subnet.overlaps(other) for other in used):
            yield subnet
