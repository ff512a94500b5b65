"""The installation as its health check wants it."""

from control.system import Installation
from dashboard.server import Server
from dashboard.site import Site


def installation_of(site: Site, server: Server) -> Installation:
    """What the dashboard knows of its installation, with the connection that it has."""
    return Installation(
        data_dir=site.data_dir,
        stored=site.stored,
        connect=server.client,
        analyzers=site.analyzers,
        engine=site.engine,
        scripts=site.static,
        assay=site.assay,
        versions=site.versions,
        worker_url=site.worker_url,
        deployment=site.deployment,
        checks=site.checks,
    )
