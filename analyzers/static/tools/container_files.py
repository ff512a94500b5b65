"""Our own check of compose files and Dockerfiles: privileges, sockets, secrets, open databases."""

from collections.abc import Sequence
from pathlib import Path

from analyzers.runtime.tool import Canary
from analyzers.static.own_check import OwnCheck, Rule
from analyzers.static.reputation import Reputation
from contract.analysis import Category, Confidence, Severity

_DOCKERFILES = (".dockerfile", ".Dockerfile")


class ContainerFiles(OwnCheck):
    """Runs `compose_check.py`."""

    name = "container-files"
    looks_for = frozenset({Category.SECURITY})
    reputation = Reputation(school="container-files")
    file_kind = "Docker or compose"
    suffixes = (".yml", ".yaml", "Dockerfile", *_DOCKERFILES)
    script = Path(__file__).parent.parent / "compose_check.py"
    rules = {
        "compose-capability": Rule((250,), Severity.MEDIUM),
        "compose-docker-socket": Rule((250,), Severity.HIGH),
        "compose-host-folder": Rule((668,), Severity.MEDIUM),
        "compose-host-ipc": Rule((250,), Severity.MEDIUM),
        "compose-host-network": Rule((668,), Severity.MEDIUM),
        "compose-host-pid": Rule((250,), Severity.MEDIUM),
        "compose-open-database": Rule((668,), Severity.MEDIUM),
        "compose-privileged": Rule((250,), Severity.HIGH),
        "compose-secret": Rule((798,), Severity.LOW, Confidence.LOW),
        "dockerfile-root": Rule((250,), Severity.LOW, Confidence.LOW),
        "dockerfile-secret": Rule((798,), Severity.MEDIUM),
    }
    canary = Canary(
        files={"compose.yml": "services:\n  web:\n    image: web\n    privileged: true\n"},
        expect=frozenset({"compose-privileged"}),
    )

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Compose files with their overrides, and Dockerfiles."""
        return tuple(name for name in files if is_dockerfile(name) or _is_compose_file(name))


def is_dockerfile(name: str) -> bool:
    """`Dockerfile`, `Dockerfile.prod`, `web.Dockerfile`."""
    base = name.rpartition("/")[2]
    return base == "Dockerfile" or base.startswith("Dockerfile.") or base.endswith(_DOCKERFILES)


def _is_compose_file(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.endswith((".yml", ".yaml")) and base.startswith(("compose.", "docker-compose"))
