"""The facts of a local stack: its ports, its folders, the variables of its processes."""

import json
from dataclasses import dataclass
from pathlib import Path

MARKER = "ASSAY_STACK"


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a local stack answers. Ports are kept over restarts when they are free.

    Attributes:
        analyzers: port on 127.0.0.1 per analyzer.
    """

    data_dir: str
    temporal_port: int
    ui_port: int
    analyzers: dict[str, int]

    @property
    def temporal_address(self) -> str:
        """`host:port` of the Temporal frontend."""
        return f"127.0.0.1:{self.temporal_port}"

    @property
    def ui_url(self) -> str:
        """Base URL of the Temporal Web UI."""
        return f"http://127.0.0.1:{self.ui_port}"

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
        urls = {kind: f"ws://127.0.0.1:{port}" for kind, port in self.analyzers.items()}
        return {
            MARKER: self.data_dir,
            "ASSAY_DATA": self.data_dir,
            "ASSAY_ANALYZER_URLS": json.dumps(urls),
            "ASSAY_TOKEN_FILE": str(self.token_file),
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": "default",
        }
