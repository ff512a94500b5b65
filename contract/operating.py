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
# A compose file hands an unset variable on as an empty one.
OptionalFile = Annotated[Folder | None, BeforeValidator(lambda value: value or None)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)
]

# What Temporal takes, without what would have to be quoted in a query.
BUILD_ID_PATTERN = r"^[A-Za-z0-9._+-]{0,128}$"
DEPLOYMENT_PATTERN = r"^[A-Za-z0-9_-]{1,128}$"


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
        make_current: a worker makes its build the current one; else somebody has to by command.
    """

    metrics_address: str = ""
    log_level: LogLevel = "INFO"
    log_format: Literal["auto", "json", "pretty"] = "auto"
    alerts_file: OptionalFile = None
    alerts_every_s: Annotated[float, Field(ge=1, le=600)] = 60.0
    build_id: Annotated[str, Field(pattern=BUILD_ID_PATTERN)] = ""
    deployment: Annotated[str, Field(pattern=DEPLOYMENT_PATTERN)] = "assay"
    make_current: bool = True
