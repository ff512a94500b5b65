"""From an app folder to its plan: Dockerfile, compose file, or a scaffold of ours."""

from pathlib import Path

from clients.appfolder.compose import compose_file, read_compose
from clients.appfolder.composer import Composer, confined
from clients.appfolder.faults import AppFault
from clients.appfolder.model import AppPlan, ServicePlan
from clients.appfolder.tree import has_file, read_text
from clients.blame import NO_KNOWN_START, fault
from clients.scaffolds import find_scaffold
from contract.errors import PlatformError

SINGLE_SERVICE = "app"


def read_plan(root: Path, composer: Composer | None = None) -> AppPlan:
    """Plan of `root`: from a compose file, else a Dockerfile, else our scaffold. Blocking.

    Args:
        root: the app's folder.
        composer: reads compose files; without it, Docker Compose runs under bubblewrap.

    Raises:
        AppFault: the folder has nothing that a reference tool would run.
        PlatformError: we do not know how to start it.
    """
    compose = compose_file(root)
    if compose is not None:
        return read_compose(root, compose, composer or confined(root))
    if has_file(root, "Dockerfile"):
        text = read_text(root, "Dockerfile", "Dockerfile")
        return AppPlan((ServicePlan(name=SINGLE_SERVICE, context=root, dockerfile=text),))
    scaffold = find_scaffold(root)
    if scaffold is None:
        raise _no_start(root)
    service = ServicePlan(
        name=SINGLE_SERVICE,
        context=root,
        dockerfile=scaffold.dockerfile(),
        environment=scaffold.environment,
        ports=(scaffold.port,),
    )
    return AppPlan((service,), (f"{SINGLE_SERVICE}: Dockerfile (none; ours for {scaffold.kind})",))


def _no_start(root: Path) -> AppFault | PlatformError:
    if not any(path.is_file() for path in root.rglob("*")):
        return AppFault("build", "the app's folder holds no file")
    known = "Flask, FastAPI, a Node.js server, a static site"
    return fault(NO_KNOWN_START, "build", f"no Dockerfile, and no known framework ({known})")
