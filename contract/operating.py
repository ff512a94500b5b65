"""How Assay itself is watched: its part of the settings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field


def expanded(path: Path) -> Path:
    """`path` with `~` replaced. Raises: ValueError: whose home it is is not known."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


Folder = Annotated[Path, AfterValidator(expanded)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)
]


class OperatingSettings(BaseModel):
    """Fields of the settings; each is a variable `ASSAY_<FIELD>`.

    Attributes:
        metrics_address: `host:port` of the worker's `/metrics`, `/health`, `/ready`; empty: none.
        log_level: of all programs.
        log_format: `json`, `pretty`, or `auto`: pretty on a terminal, else JSON.
        alerts_file: YAML file that says who is told of alerts; none: nobody.
        alerts_every_s: from one look for alerts to the next.
        build_id: names this code to Temporal's Worker Versioning; empty: not versioned.
        deployment: the deployment that the builds belong to.
    """

    metrics_address: str = ""
    log_level: LogLevel = "INFO"
    log_format: Literal["auto", "json", "pretty"] = "auto"
    alerts_file: Folder | None = None
    alerts_every_s: Annotated[float, Field(ge=1, le=600)] = 60.0
    build_id: str = ""
    deployment: str = "assay"
