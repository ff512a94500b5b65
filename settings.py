"""Every setting of Assay and where it comes from; the only reader of the environment.

Each field is an environment variable `ASSAY_<FIELD>` (or a line in `.env` of the project's root).
Which Temporal server is used is decided by the SDK's own configuration (`TEMPORAL_*`,
`temporal.toml`); none given means the embedded one of the local stack.
"""

import hashlib
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from contract.protocol import DEFAULT_PORTS
from contract.spec import AnalyzerKind

PROJECT_ROOT = Path(__file__).resolve().parent


def _default_urls() -> dict[AnalyzerKind, str]:
    return {kind: f"ws://127.0.0.1:{DEFAULT_PORTS[kind]}" for kind in AnalyzerKind}


class Settings(BaseSettings):
    """Settings of this process.

    Attributes:
        data: folder of everything Assay writes.
        tools: folder of the analyzers' installed tools.
        db_url: SQLAlchemy URL of the store; default SQLite in the data folder.
        host: name of this machine in task queues and labels; stable over restarts.
        scope: names this installation in labels, so that two on one Docker engine never touch each
            other's containers; default derived from the data folder. Workers that share one
            Temporal server and one engine share one scope.
        engine: `auto` takes Docker when its daemon answers, else confined processes.
        docker_host: address of the engine; the variable is Docker's own, `DOCKER_HOST`.
        analyzer_urls: WebSocket URL per analyzer.
        analyzer_location: `host`: analyzers reach apps at 127.0.0.1; `network`: analyzers run in
            containers and join the app's network.
        token_file: shared token of the analyzers, one line.
        base_images: maps FROM lines; `auto` uses `assay/*` images for what cannot be pulled.
        app_memory_mb, app_cpus, app_pids: limits of each container of an app.
        start_deadline_s: an app must answer HTTP within this time.
        build_deadline_s: an app must be built within this time.
        image_limit_gb: images of ours above this are pruned, oldest first.
        ai_base_url, ai_api_key, ai_models: OpenAI-compatible endpoint of the AI analyzer.
    """

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_",
        env_file=PROJECT_ROOT / ".env",
        extra="ignore",
        env_nested_delimiter="__",
    )

    data: Path = PROJECT_ROOT / ".assay"
    tools: Path = PROJECT_ROOT / ".tools"
    db_url: str = ""
    host: str = ""
    scope: str = ""
    engine: Literal["auto", "docker", "process"] = "auto"
    analyzer_urls: dict[AnalyzerKind, str] = Field(default_factory=_default_urls)
    analyzer_location: Literal["host", "network"] = "host"
    token_file: Path | None = None
    docker_host: str = Field(default="unix:///var/run/docker.sock", validation_alias="DOCKER_HOST")
    base_images: Literal["auto"] | Mapping[str, str] = "auto"
    app_memory_mb: Annotated[int, Field(ge=32)] = 1024
    app_cpus: Annotated[float, Field(gt=0)] = 1.0
    app_pids: Annotated[int, Field(ge=16)] = 256
    start_deadline_s: Annotated[float, Field(gt=0)] = 90.0
    build_deadline_s: Annotated[float, Field(gt=0)] = 900.0
    image_limit_gb: Annotated[float, Field(gt=0)] = 20.0
    app_slots: Annotated[int, Field(ge=1, le=64)] = 2
    static_slots: Annotated[int, Field(ge=1, le=64)] = 2
    dynamic_slots: Annotated[int, Field(ge=1, le=64)] = 2
    ai_slots: Annotated[int, Field(ge=1, le=64)] = 4
    ai_base_url: str = ""
    ai_api_key: SecretStr = SecretStr("")
    ai_models: str = ""
    metrics_address: str = ""
    log_level: str = "INFO"

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute, `~` expanded."""
        return self.data.expanduser().absolute()

    @property
    def tools_dir(self) -> Path:
        """Folder of the analyzers' installed tools, absolute."""
        return self.tools.expanduser().absolute()

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.db_url or f"sqlite+aiosqlite:///{self.data_dir / 'assay.db'}"

    @property
    def host_name(self) -> str:
        """Name of this machine, legal in a task queue and a Docker label."""
        return re.sub(r"[^A-Za-z0-9_.-]", "-", self.host or socket.gethostname())[:63] or "host"

    @property
    def scope_name(self) -> str:
        """Name of this installation in labels."""
        return self.scope or hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]

    @property
    def analyzer_slots(self) -> Mapping[AnalyzerKind, int]:
        """Subtasks at once on this host; two load tests would measure each other."""
        return {
            AnalyzerKind.STATIC: self.static_slots,
            AnalyzerKind.DYNAMIC: self.dynamic_slots,
            AnalyzerKind.PERFORMANCE: 1,
            AnalyzerKind.AI: self.ai_slots,
        }

    @property
    def ai_configured(self) -> bool:
        """Whether the AI analyzer has somewhere to ask."""
        return bool(self.ai_base_url and self.ai_models)

    @property
    def token(self) -> str | None:
        """The analyzers' shared token, if one is set.

        Raises:
            OSError: the token file cannot be read.
        """
        return self.token_file.read_text().strip() if self.token_file else None


def temporal_is_configured() -> bool:
    """Whether the user names a Temporal server (`TEMPORAL_ADDRESS`, a profile, a config file)."""
    if any(os.environ.get(name) for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")):
        return True
    path = os.environ.get("TEMPORAL_CONFIG_FILE") or "~/.config/temporalio/temporal.toml"
    return Path(path).expanduser().exists()
