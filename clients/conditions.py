"""The conditions that an app runs under, as one digest: compare figures only where it is equal."""

import hashlib
import json
from collections.abc import Iterable

from clients.limits import AppLimits


def conditions(engine: str, limits: AppLimits, egress: str, builds: Iterable[str]) -> str:
    """Digest of engine kind, limits of a running app, egress, and the builds of its services.

    Args:
        engine: `docker` or `process`.
        limits: of each service.
        egress: `allow` or `deny`.
        builds: IDs of images or of installed environments, in any order.
    """
    facts = [engine, limits.cpus, limits.memory_bytes, limits.pids, egress, sorted(builds)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
