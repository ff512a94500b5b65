"""How the dashboard is reached, and by whom: its part of the settings."""

import hashlib
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

DASHBOARD_PORT = 8240
_TYPED = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def _address(text: str) -> str:
    if text:
        ip_address(text)  # its ValueError says what is wrong
    return text


def _header(text: str) -> str:
    if not (text.isascii() and text.replace("-", "").isalnum()):
        raise ValueError(f"{text!r} is no name of a header")
    return text


class DashboardSettings(BaseModel):
    """Fields of the settings; each is a variable `ASSAY_DASHBOARD_...`.

    Attributes:
        dashboard_host: address to listen on; one that is not of this machine alone needs a token.
        dashboard_port: port; 0 takes a free one.
        dashboard_hosts: names, with commas, by which browsers may call it besides loopback ones.
        dashboard_local: whether anybody on this machine reads without a token.
        dashboard_proxy: address of a reverse proxy that names the person in a header; empty: none.
        dashboard_proxy_user: the header in which it names the person.
        dashboard_proxy_scopes: the header in which it says `read` or `operate`; empty: all read.
        dashboard_fleets: folder below which a browser may choose fleets; empty: that of Assay.
        dashboard_ui: address of the Temporal Web UI for links; empty: that of the local stack.
        dashboard_log: whether each request is a line of JSON in the log.
    """

    dashboard_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    dashboard_port: Annotated[int, Field(ge=0, le=65_535)] = DASHBOARD_PORT
    dashboard_hosts: str = ""
    dashboard_local: bool = True
    dashboard_proxy: Annotated[str, AfterValidator(_address)] = ""
    dashboard_proxy_user: Annotated[str, AfterValidator(_header)] = "X-Forwarded-User"
    dashboard_proxy_scopes: Annotated[str, AfterValidator(lambda it: it and _header(it))] = ""
    dashboard_fleets: str = ""
    dashboard_ui: str = ""
    dashboard_log: bool = False

    @property
    def dashboard_names(self) -> tuple[str, ...]:
        """The names of `dashboard_hosts`, and what is listened on if it is a name."""
        own = "" if _is_address(self.dashboard_host) else self.dashboard_host
        names = (text.strip().lower() for text in (*self.dashboard_hosts.split(","), own))
        return tuple(name.rstrip(".") for name in names if name)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach what listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # another name: whoever resolves it decides
        return False


def base_url(host: str, port: int) -> str:
    """The address to type for what listens on `host`; an address that stands for all: loopback."""
    name = _TYPED.get(host.lower(), host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def installation_mark(data_dir: str) -> str:
    """By what a dashboard's `/health` tells which data folder it shows, without naming it."""
    return hashlib.sha256(f"assay dashboard of {data_dir}".encode()).hexdigest()[:16]
