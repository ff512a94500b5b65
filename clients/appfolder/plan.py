"""From an app folder to its plan: Dockerfile, compose file, or a scaffold of ours."""

from pathlib import Path

from clients.appfolder.compose import COMPOSE_NAMES, read_compose
from clients.appfolder.faults import AppFault
from clients.appfolder.model import AppPlan, ServicePlan
from clients.appfolder.tree import has_file, read_text
from clients.scaffolds import find_scaffold

SINGLE_SERVICE = "app"


def read_plan(root: Path) -> AppPlan:
    """What `root` is made of: a compose file, else a Dockerfile, else a scaffold of ours.

    Raises:
        AppFault: none of the three, or one that cannot be honoured.
    """
    compose = next((name for name in COMPOSE_NAMES if has_file(root, name)), None)
    if compose is not None:
        return read_compose(root, compose)
    if has_file(root, "Dockerfile"):
        text = read_text(root, "Dockerfile", "Dockerfile")
        return AppPlan((ServicePlan(name=SINGLE_SERVICE, context=root, dockerfile=text),))
    scaffold = find_scaffold(root)
    if scaffold is None:
        raise AppFault("build", "no Dockerfile and no known framework")
    service = ServicePlan(
        name=SINGLE_SERVICE,
        context=root,
        dockerfile=scaffold.dockerfile(),
        environment=scaffold.environment,
        ports=(scaffold.port,),
    )
    return AppPlan((service,), (f"{SINGLE_SERVICE}: Dockerfile (none; ours for {scaffold.kind})",))
