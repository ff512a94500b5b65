"""Labels on everything we make: we find and remove things only by them."""

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

    def filters(self, workflow_id: str | None = None) -> dict[str, Any]:
        """Docker filter for our resources: all of the scope, or of one workflow."""
        labels = [f"{LABEL_MANAGED}=1", f"{LABEL_SCOPE}={self.scope}"]
        return {"label": [*labels, f"{LABEL_WORKFLOW}={workflow_id}"] if workflow_id else labels}

    def peers(self) -> dict[str, Any]:
        """Docker filter for our own containers (analyzers, worker) that join apps' networks."""
        return {"label": [f"{LABEL_PEER}={self.scope}"]}
