"""Labels and names of everything we make: we find and remove things by labels only.

Engines know things by name, so names carry the scope, too: two installations may run pipelines of
one name on one engine.
"""

from dataclasses import dataclass
from typing import Any

from contract.ids import (
    LABEL_HOST,
    LABEL_MANAGED,
    LABEL_PIPELINE,
    LABEL_RUN,
    LABEL_SCOPE,
    LABEL_SERVICE,
    LABEL_WORKFLOW,
    resource_name,
)
from contract.spec import AppSpec

LABEL_SOURCE = "dev.assay.source"
LABEL_PEER = "dev.assay.peer"


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of one host's part of an installation (`scope`)."""

    scope: str
    host: str

    def of_app(self, app: AppSpec, run_id: str) -> dict[str, str]:
        """Labels of a resource of `app`."""
        return {
            LABEL_MANAGED: "1",
            LABEL_SCOPE: self.scope,
            LABEL_HOST: self.host,
            LABEL_PIPELINE: app.pipeline_id,
            LABEL_WORKFLOW: app.workflow_id,
            LABEL_RUN: run_id,
            LABEL_SOURCE: app.source.digest,
        }

    def of_service(self, app: AppSpec, run_id: str, service: str) -> dict[str, str]:
        """Labels of a container."""
        return {**self.of_app(app, run_id), LABEL_SERVICE: service}

    def name(self, workflow_id: str, part: str) -> str:
        """Name of a part of an app (a service, a network), which no other installation uses."""
        return resource_name(self.scope, workflow_id, part)

    def volume_name(self, workflow_id: str, name: str) -> str:
        """Name of the app's named volume `name`: an engine hands out one that it has already."""
        return self.name(workflow_id, f"volume {name}")

    def filters(self, workflow_id: str | None = None) -> dict[str, Any]:
        """Docker filter for our resources: all of the scope, or of one workflow."""
        labels = [f"{LABEL_MANAGED}=1", f"{LABEL_SCOPE}={self.scope}"]
        return {"label": [*labels, f"{LABEL_WORKFLOW}={workflow_id}"] if workflow_id else labels}

    def peers(self) -> dict[str, Any]:
        """Docker filter for our own containers (analyzers, worker) that join apps' networks."""
        return {"label": [f"{LABEL_PEER}={self.scope}"]}
