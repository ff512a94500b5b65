"""Facts about the analyzer's host: from its environment, never from a spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.quiet import LOAD_LOCK

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Site:
    """The places of this host's shared things.

    Attributes:
        lock_file: lock of all load tests of this host; analyzers in containers share it on a
            volume.
        docker_host: engine that runs the apps, `unix:///path` or `tcp://host:port`.
    """

    lock_file: Path = LOAD_LOCK
    docker_host: str = DEFAULT_DOCKER_HOST

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Site":
        """`ASSAY_LOAD_LOCK` and Docker's own `DOCKER_HOST`; the defaults where they are unset."""
        return cls(
            lock_file=Path(environ.get("ASSAY_LOAD_LOCK") or LOAD_LOCK),
            docker_host=environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST,
        )
