"""The facts of a local stack: its ports, its folders, the variables of its processes."""

import json
from dataclasses import dataclass
from pathlib import Path

from contract.analyzers import AnalyzerKind
from contract.doors import base_url

MARKER = "ASSAY_STACK"


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a local stack answers. Ports are kept over restarts when they are free.

    Attributes:
        analyzers: port on 127.0.0.1 per analyzer.
        dashboard_port: of the dashboard; 0: a stack of an earlier version, which has none.
        dashboard_host: address that the dashboard listens on.
        worker_port: of the worker's `/metrics`, `/health` and `/ready`; 0: a stack of an earlier
            version, whose worker has none.
        worker_host: address that the worker listens on for them.
        build_id: names the worker's code as it was when the stack was started; empty: a stack of
            an earlier version, whose worker is not versioned.
        deployment: which deployment that build belongs to.
    """

    data_dir: str
    temporal_port: int
    ui_port: int
    analyzers: dict[str, int]
    dashboard_port: int = 0
    dashboard_host: str = "127.0.0.1"
    worker_port: int = 0
    worker_host: str = "127.0.0.1"
    build_id: str = ""
    deployment: str = "assay"

    @property
    def temporal_address(self) -> str:
        """`host:port` of the Temporal frontend."""
        return f"127.0.0.1:{self.temporal_port}"

    @property
    def ui_url(self) -> str:
        """Base URL of the Temporal Web UI."""
        return f"http://127.0.0.1:{self.ui_port}"

    @property
    def dashboard_url(self) -> str:
        """Address of the dashboard to type; empty: this stack has none."""
        return base_url(self.dashboard_host, self.dashboard_port) if self.dashboard_port else ""

    @property
    def worker_url(self) -> str:
        """Base of the worker's `/metrics`, `/health` and `/ready`; empty: it has none."""
        return base_url(self.worker_host, self.worker_port) if self.worker_port else ""

    @property
    def analyzer_urls(self) -> dict[AnalyzerKind, str]:
        """WebSocket URL per analyzer."""
        return {AnalyzerKind(k): f"ws://127.0.0.1:{port}" for k, port in self.analyzers.items()}

    @property
    def run_dir(self) -> Path:
        """Folder of configuration, logs and process facts."""
        return Path(self.data_dir) / "run"

    @property
    def token_file(self) -> Path:
        """The secret that the worker and the analyzers share."""
        return self.run_dir / "token"

    def environment(self) -> dict[str, str]:
        """Variables that point Assay's processes at this stack."""
        return {
            MARKER: self.data_dir,
            "ASSAY_DATA": self.data_dir,
            "ASSAY_ANALYZER_URLS": json.dumps(self.analyzer_urls),
            "ASSAY_TOKEN_FILE": str(self.token_file),
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": "default",
            "ASSAY_BUILD_ID": self.build_id,
            "ASSAY_DEPLOYMENT": self.deployment,
            "ASSAY_MAKE_CURRENT": "false",  # `up` does, and says what it moved
        }
