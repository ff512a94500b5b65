"""Every identifier and name Assay makes, derived from what it names: the same input, the same ID.

A deterministic ID is the lock that makes duplicates impossible: the Temporal server refuses a
second workflow with the same ID, the store a second row with the same key.
"""

import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from contract.analyzers import AnalyzerKind

PIPELINE_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"

TASK_QUEUE_CONTROL = "assay-control"
TASK_QUEUE_APPS = "assay-apps"
# Of activities that last as long as a pipeline and only read.
TASK_QUEUE_WATCH = "assay-watch"

# Key of the report inside a result archive, before the archive's digest.
REPORT_OF = "report-of/"

# Type of the workflow that analyses one app.
APP_WORKFLOW = "AnalyzeApp"

LABEL_MANAGED = "dev.assay.managed"
LABEL_SCOPE = "dev.assay.scope"
LABEL_PIPELINE = "dev.assay.pipeline"
LABEL_WORKFLOW = "dev.assay.workflow"
LABEL_RUN = "dev.assay.run"
LABEL_HOST = "dev.assay.host"
LABEL_SERVICE = "dev.assay.service"


ALERTS_SCHEDULE_ID = "assay-alerts"
"""The schedule of the watch over the installation, and the beginning of its workflows' IDs."""


def janitor_schedule_id(host: str) -> str:
    """The schedule that sweeps `host`, and the beginning of its workflows' IDs."""
    return f"assay-janitor-{host}"


def scan_schedule_id(name: str) -> str:
    """The schedule of recurring scans of this name, and the beginning of its workflows' IDs."""
    return f"assay-scan-{name}"


def scan_pipeline_id(name: str, at: datetime) -> str:
    """Pipeline of the schedule `name` for the time `at`: one time, one pipeline.

    >>> scan_pipeline_id("nightly", datetime(2026, 11, 29, 2, 0, tzinfo=UTC))
    'nightly-20261129T0200Z'
    """
    at = at.astimezone(UTC)
    return f"{name}-{at:%Y%m%dT%H%M}{f'{at:%S}' if at.second else ''}Z"


def task_queue_host(host: str) -> str:
    """Queue of what must run on the host that holds the app: checks, teardown."""
    return f"assay-host-{host}"


def task_queue_start(host: str) -> str:
    """Queue of the starts of apps that were built on `host`: they wait there, and cost no slot."""
    return f"assay-start-{host}"


def task_queue_analyzer(kind: AnalyzerKind, host: str) -> str:
    """Queue of an analyzer's subtasks; those of a live one are bound to the app's `host`."""
    return f"assay-{kind}-{host}" if kind.is_live else f"assay-{kind}"


def safe_model(model: str) -> str:
    """`model` as one path segment (RFC 3986 percent-encoding); `model_from_safe` is its inverse.

    >>> safe_model("openai/gpt-4.1")
    'openai%2Fgpt-4.1'
    """
    encoded = quote(model, safe="")
    return encoded.replace(".", "%2E") if set(encoded) == {"."} else encoded


def model_from_safe(segment: str) -> str:
    """The model name that `safe_model` encoded."""
    return unquote(segment)


def pipeline_workflow_id(pipeline_id: str) -> str:
    """Workflow ID of a pipeline."""
    return f"pipeline/{pipeline_id}"


def app_key(pipeline_id: str, model: str, app_number: int) -> str:
    """`{pipeline}/{model}/app{n}`: names one app of one pipeline everywhere."""
    return f"{pipeline_id}/{safe_model(model)}/app{app_number}"


def app_workflow_id(pipeline_id: str, model: str, app_number: int) -> str:
    """Workflow ID of one app's analysis: the lock on that app."""
    return f"pipeline/{app_key(pipeline_id, model, app_number)}"


def app_label(workflow_id: str) -> str:
    """`{model}/app{n}`, how people name the app whose workflow this is: see `AppRef.label`.

    >>> app_label("pipeline/p1/openai%2Fgpt-4.1/app3")
    'openai/gpt-4.1/app3'
    """
    _, _, model, app = workflow_id.split("/")
    return f"{model_from_safe(model)}/{app}"


def pipeline_of(workflow_id: str) -> str:
    """The pipeline of an app's or a pipeline's workflow.

    >>> pipeline_of("pipeline/p1/openai%2Fgpt-4.1/app3")
    'p1'
    """
    return workflow_id.split("/")[1]


def subtask_id(pipeline_id: str, model: str, app_number: int, analyzer: str) -> str:
    """Idempotency key, artifact key and primary key of one analyzer's work on one app."""
    return f"{app_key(pipeline_id, model, app_number)}/{analyzer}"


def resource_name(scope: str, workflow_id: str, service: str = "") -> str:
    """Name of a container, network or volume of an app: short, legal for Docker and DNS.

    The readable part is cut and lowered; the digest keeps the name unique on an engine, also beside
    another installation (`scope`) with the same pipeline. At most 51 characters.
    """
    digest = hashlib.sha256(f"{scope}\0{workflow_id}\0{service}".encode()).hexdigest()[:12]
    words = re.sub(r"[^a-z0-9]+", "-", f"{workflow_id} {service}".lower()).strip("-")
    return f"assay-{words.removeprefix('pipeline-')[:32].strip('-')}-{digest}"
