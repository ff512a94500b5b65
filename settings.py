"""Every setting of Assay and where it comes from; the only reader of the environment.

Each field is an environment variable `ASSAY_<FIELD>` (or a line in `.env` of the project's root).
Which Temporal server is used is decided by the SDK's own configuration (`TEMPORAL_*`,
`temporal.toml`); without any, it is the embedded server of the local stack.
"""

import hashlib
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pydantic
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from temporalio.envconfig import ClientConfig

from contract.analyzers import AnalyzerKind
from contract.doors import DashboardSettings
from contract.errors import ErrorCode, PlatformError
from contract.limits import BUILD_MAX_S, START_MAX_S
from contract.operating import Folder, OperatingSettings, OptionalFile
from contract.quiet import LOAD_LOCK
from contract.secret import ENV_PREFIX, SecretRef

PROJECT_ROOT = Path(__file__).resolve().parent
_DOTENV = PROJECT_ROOT / ".env"
_KEYS = "ASSAY_PAYLOAD_KEYS"
_TEMPORAL_VARIABLES = ("ADDRESS", "NAMESPACE", "PROFILE", "CONFIG_FILE", "API_KEY", "TLS")
_DEFAULT_URLS = {kind: f"ws://127.0.0.1:{kind.row.port}" for kind in AnalyzerKind}
# Secrets that were taken out of the environment, see `take_secrets`.
_taken: dict[str, str] = {}


_SLOTS = {
    f"{kind}_slots": (Annotated[int, Field(ge=1, le=kind.row.slots_max)], kind.row.slots)
    for kind in AnalyzerKind
    if not kind.is_alone
}
if TYPE_CHECKING:
    _Slots = BaseSettings
else:  # a type checker sees no such fields: they are read through `analyzer_slots`
    _Slots = pydantic.create_model("_Slots", __base__=BaseSettings, **_SLOTS)


class _Parts(DashboardSettings, OperatingSettings):
    """The parts of the settings that have a module of their own."""


class Settings(_Parts, _Slots):
    """Settings of this process.

    Attributes:
        <analyzer>_slots: subtasks at once on this host, for each analyzer that may have several.
        dashboard_*: see `DashboardSettings`.
        metrics_address, log_*, alerts_*, loop_limit_s: see `OperatingSettings`.
        build_id, deployment: see `OperatingSettings`.
        data: folder of everything Assay writes.
        tools: folder of the analyzers' installed tools.
        db_url: SQLAlchemy URL of the store; default SQLite in the data folder.
        db_url_file: file that has `db_url`, which may hold a password; at most one is set.
        db_read_url: of a replica for those who only look; it may lag behind. Default: `db_url`.
        keep_days: `prune` removes pipelines that ended longer ago.
        host: name of this machine in task queues and labels; stable over restarts.
        scope: names this installation in labels of its apps; workers of one server and engine
            share it. Default derived from the data folder.
        engine: `auto` takes Docker when its daemon answers, else confined processes.
        docker_host: address of the engine; the variable is Docker's own, `DOCKER_HOST`.
        analyzer_urls: WebSocket URL per analyzer.
        analyzer_location: `host`: analyzers reach apps at 127.0.0.1; `network`: on their network.
        token_file: shared token of the analyzers, one line.
        logins: folder of the files that logins name (`{file: NAME}`); default `logins` in `data`.
        payload_keys, payload_key_file: `name:base64` keys, the first encrypts; at most one is set.
        base_images: maps FROM lines; `auto` uses `assay/*` images for what cannot be pulled.
        app_memory_mb, app_cpus, app_pids: limits of each container of an app.
        start_deadline_s, build_deadline_s: an app must answer HTTP, or be built, within this time.
        load_lock: file that the one load test of this host locks, for builds to give way to.
        image_limit_gb: images of ours above this are pruned, longest unused first.
        ai_*: the OpenAI-compatible endpoint of the AI analyzer, which checks its limits itself.
    """

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_", env_file=_DOTENV, env_nested_delimiter="__", extra="ignore"
    )

    data: Folder = PROJECT_ROOT / ".assay"
    tools: Folder = PROJECT_ROOT / ".tools"
    db_url: str = ""
    db_url_file: OptionalFile = None
    db_read_url: str = ""
    keep_days: Annotated[float, Field(ge=0)] | None = None
    host: str = ""
    scope: str = ""
    engine: Literal["auto", "docker", "process"] = "auto"
    analyzer_urls: dict[AnalyzerKind, str] = _DEFAULT_URLS
    analyzer_location: Literal["host", "network"] = "host"
    token_file: OptionalFile = None
    logins: Folder | None = None
    payload_keys: SecretStr = SecretStr("")
    payload_key_file: OptionalFile = None
    docker_host: str = Field(default="unix:///var/run/docker.sock", validation_alias="DOCKER_HOST")
    base_images: Literal["auto"] | Mapping[str, str] = "auto"
    app_memory_mb: Annotated[int, Field(ge=32)] = 1024
    app_cpus: Annotated[float, Field(gt=0)] = 1.0
    app_pids: Annotated[int, Field(ge=16)] = 256
    start_deadline_s: Annotated[float, Field(gt=0, le=START_MAX_S)] = 90.0
    build_deadline_s: Annotated[float, Field(gt=0, le=BUILD_MAX_S)] = 900.0
    load_lock: Folder = LOAD_LOCK
    image_limit_gb: Annotated[float, Field(gt=0)] = 20.0
    app_slots: Annotated[int, Field(ge=1, le=64)] = 2
    ai_base_url: str = ""
    ai_api_key: SecretStr = SecretStr("")
    ai_api_key_file: OptionalFile = None
    ai_models: str = ""
    ai_prices: str = ""
    ai_budget_usd: str = ""
    ai_temperature: str = ""
    ai_seed: str = ""
    ai_timeout_s: str = ""
    ai_max_output_tokens: str = ""
    ai_part_chars: str = ""
    ai_json_mode: str = ""

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute."""
        return self.data.absolute()

    @property
    def tools_dir(self) -> Path:
        """Folder of the analyzers' installed tools, absolute."""
        return self.tools.absolute()

    @property
    def node_bin(self) -> Path:
        """Folder of the Node.js and npm that came with the tools."""
        return self.tools_dir / "node" / "bin"

    @property
    def search_path(self) -> str:
        """`PATH` of the processes that run tools: their own Node.js comes first."""
        return os.pathsep.join((str(self.node_bin), os.environ.get("PATH", os.defpath)))

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the store. Raises: PlatformError: as `payload_key_text`."""
        url = _one_of("ASSAY_DB_URL", self.db_url, "ASSAY_DB_URL_FILE", self.db_url_file)
        return url or f"sqlite+aiosqlite:///{self.data_dir / 'assay.db'}"

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
        """Subtasks at once on this host."""
        return {kind: getattr(self, f"{kind}_slots", kind.row.slots) for kind in AnalyzerKind}

    @property
    def ai_configured(self) -> bool:
        """Whether the AI analyzer has somewhere to ask."""
        return bool(self.ai_base_url and self.ai_models)

    def lacks(self, kind: AnalyzerKind) -> str:
        """What this machine has to get before `kind` can measure; empty: nothing."""
        if kind.row.equipment == "endpoint":
            return "" if self.ai_configured else "set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS"
        return (
            "" if (self.tools_dir / kind).is_dir() else "its tools are not installed (make tools)"
        )

    @property
    def ai_environment(self) -> dict[str, str]:
        """The AI analyzer's variables that are set: a service reads no `.env`."""
        values = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in self
            if name.startswith("ai_") and name != "ai_slots" and value is not None
        }
        return {f"ASSAY_{name.upper()}": value for name, value in values.items() if value}

    @property
    def token(self) -> str | None:
        """The analyzers' shared token, if one is set.

        Raises:
            PlatformError: INVALID_ARGUMENT when the token file is empty or cannot be read.
        """
        return _one_of("", "", "ASSAY_TOKEN_FILE", self.token_file) or None

    @property
    def payload_key_text(self) -> str:
        """The keys as they are written; empty: nothing is encrypted.

        Raises:
            PlatformError: INVALID_ARGUMENT: both are set, or the file is empty or unreadable.
        """
        keys = self.payload_keys.get_secret_value()
        return _one_of(_KEYS, keys, "ASSAY_PAYLOAD_KEY_FILE", self.payload_key_file)

    def secret(self, ref: SecretRef) -> str:
        """The secret that a spec names. Blocking; read anew at each call.

        Raises:
            PlatformError: FAILED_PRECONDITION: it is not set here, or cannot be read.
        """
        if ref.env:
            where = f"the variable {ref.env} of the worker on {self.host_name}"
            dotenv = dotenv_values(PROJECT_ROOT / ".env", interpolate=False)
            value = os.environ.get(ref.env) or _taken.get(ref.env) or dotenv.get(ref.env) or ""
        else:
            path = (self.logins or self.data_dir / "logins") / (ref.file or "")
            where = f"the file {path} of the worker on {self.host_name}"
            try:
                value = path.read_text(encoding="utf-8").rstrip("\r\n") if path.is_file() else ""
            except (OSError, UnicodeDecodeError) as error:
                cause = getattr(error, "strerror", None) or "not UTF-8 text"
                message = f"the login {ref} cannot be read: {where}: {cause}"
                raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from None
        if not value:
            message = f"the login {ref} is not set: {where} is missing or empty; set it there"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message)
        return value


def _one_of(variable: str, value: str, file_variable: str, path: Path | None) -> str:
    """The value, or what the file has, which is never nothing; neither: an empty text."""
    if path is None:
        return value
    wrong = f"set {variable} or {file_variable}, not both" if value else ""
    try:
        text = "" if wrong else path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        text, wrong = "", f"{file_variable} {path}: {error}"
    if wrong or not text:  # what was meant to be a secret is not left out
        wrong = wrong or f"{file_variable} {path} is empty"
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, wrong)
    return text


def secret_variables() -> list[str]:
    """Names of this process's variables that no program it starts has to know."""
    return [name for name in os.environ if name.startswith(ENV_PREFIX) or name == _KEYS]


def take_secrets() -> None:
    """Take the secrets out of the environment, so that nothing this process starts inherits them.

    Settings that are read later have no payload keys of the environment any more.
    """
    _taken.update({name: os.environ.pop(name) for name in secret_variables()})


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        PlatformError: INVALID_ARGUMENT, naming each wrong variable.
    """
    file = os.environ.get("TEMPORAL_CONFIG_FILE")
    if file and not Path(file).is_file():  # the SDK would go on without it, to another server
        message = f"TEMPORAL_CONFIG_FILE names no file: {file}"
        raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{_variable(item['loc'][0])}: {item['msg']}" for item in error.errors()]
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        wrong = [f"{_variable(name[1]) if name else error}: not valid JSON"]
    except UnicodeDecodeError as error:
        wrong = [f"{_DOTENV}: not UTF-8 text at byte {error.start}"]
    raise PlatformError(ErrorCode.INVALID_ARGUMENT, f"wrong settings: {'; '.join(wrong)}")


def _variable(field: int | str) -> str:
    return "DOCKER_HOST" if field == "DOCKER_HOST" else f"ASSAY_{field}".upper()


def temporal_is_configured() -> bool:
    """Whether the user names a Temporal server, by a variable or a profile the SDK would read."""
    if any(os.environ.get(f"TEMPORAL_{name}") for name in _TEMPORAL_VARIABLES):
        return True
    try:
        return bool(ClientConfig.load().profiles)
    except RuntimeError:  # a broken file is a configuration, too: connecting says what is wrong
        return True
