"""The names by which services find each other: all are on one network of the app."""

from collections import defaultdict

from clients.appfolder.compose_model import ComposeDocument, ComposeService
from clients.appfolder.ledger import Ledger
from clients.appfolder.settings import is_dns_name


def aliases(document: ComposeDocument, ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """Further names of each service: aliases, links, container and host names."""
    found = {name: _own_names(name, body) for name, body in document.services.items()}
    for body in document.services.values():
        for link in body.links:
            target, _, alias = link.partition(":")
            found.get(target, set[str]()).add(alias or target)
    for name, body in document.services.items():
        if body.container_name:
            kept = f"kept as a name on the app's network: {body.container_name[:80]}"
            ledger.note(f"{name}: container_name ({kept})")
    names = {name: own - {"", name} for name, own in found.items()}
    kept = {name: tuple(sorted(filter(is_dns_name, own))) for name, own in names.items()}
    _record_networks(document, kept, ledger)
    return kept


def _own_names(name: str, body: ComposeService) -> set[str]:
    of_networks = {alias for network in body.networks.values() for alias in network.aliases}
    return {body.container_name, body.hostname, *of_networks}


def _record_networks(
    document: ComposeDocument, kept: dict[str, tuple[str, ...]], ledger: Ledger
) -> None:
    """Record what one common network changes: no separation, and each name means one service."""
    networks = {name: frozenset(body.networks) for name, body in document.services.items()}
    apart = [
        f"{network} and {other}"
        for network in networks
        for other in networks
        if network < other
        and networks[network]
        and networks[other]
        and not networks[network] & networks[other]
    ]
    if apart:
        more = f" and {len(apart) - 3} more pairs" if len(apart) > 3 else ""
        ledger.note(f"networks (one for the app: not separated are {', '.join(apart[:3])}{more})")
    for key, options in document.networks.items():
        if options.get("internal"):
            ledger.note(f"networks.{key}: internal (the way out is the spec's `egress`)")
        elif options.get("external"):
            ledger.need(f"networks: {key} (external: every app has one network of its own)")
    users: dict[str, list[str]] = defaultdict(list)
    for name in document.services:
        for alias in (name, *kept[name]):
            users[alias].append(name)
    for alias, services in users.items():
        if len({networks[name] for name in services}) > 1 and not frozenset.intersection(
            *(networks[name] for name in services)
        ):
            ledger.refuse(f"networks: {alias} means another service on each (there is one network)")
    _record_modes(document, ledger)


def _record_modes(document: ComposeDocument, ledger: Ledger) -> None:
    for name, body in document.services.items():
        mode = body.network_mode
        if mode.startswith(("service:", "container:")) or mode == "none":
            ledger.refuse(f"{name}: network_mode {mode[:80]} (each service has its own address)")
        elif mode == "host" and len(document.services) > 1:
            ledger.refuse(f"{name}: network_mode host (services do not meet on localhost)")
        elif mode:
            ledger.need(f"{name}: network_mode (every app has one network of its own)")
        for options in body.networks.values():
            if (options.model_extra or {}).get("ipv4_address"):
                ledger.need(f"{name}: networks.ipv4_address (addresses are the platform's)")
