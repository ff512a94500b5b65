"""Options of the dynamic tools, as the spec gives them: `options: {dynamic: {...}}`."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from analyzers.runtime.options import declared_options
from contract.analysis import SubtaskRequest
from contract.base import Authored
from contract.secret import SecretOption, SecretRef
from contract.spec import Number

_Seconds = Annotated[float, Field(gt=0, le=86_400), Number]
_Path = Annotated[str, Field(pattern=r"^/\S*$", max_length=2_000)]


class ScanOptions(Authored):
    """How an app is scanned, and how we log in to it.

    Attributes:
        auth_username: account to log in with, instead of registering our own accounts. A plain
            name, or a reference.
        auth_password: its password, as a reference.
        auth_login_path: path to send the login to; without it: found among the app's operations.
        auth_register_path: path to register our own accounts at; without it: found as well.
        auth_header: a header of an open session, `Name: value`, as a reference.
        auth_cookie: Cookie header value of an open session, as a reference.
        max_requests: requests that a probe may send to one service.
        http_headers_limit_s: seconds that the tool `http-headers` may take for one service; this
            and the other limits end at 60 % of the subtask's time.
        exposed_files_limit_s: the same of `exposed-files`.
        error_pages_limit_s: the same of `error-pages`.
        injection_limit_s: the same of `injection`.
        access_control_limit_s: the same of `access-control`.
        wapiti_limit_s: seconds that `wapiti` may take for all services together.
        schemathesis_limit_s: seconds that `schemathesis` may take for one service.
        browser_limit_s: seconds that `browser` may take for all services together.
    """

    auth_username: str | SecretRef | None = None
    auth_password: SecretOption = None
    auth_login_path: _Path | None = None
    auth_register_path: _Path | None = None
    auth_header: SecretOption = None
    auth_cookie: SecretOption = None
    max_requests: Annotated[int, Field(ge=1, le=1_000_000), Number] = 2_000
    http_headers_limit_s: _Seconds = 90.0
    exposed_files_limit_s: _Seconds = 90.0
    error_pages_limit_s: _Seconds = 60.0
    injection_limit_s: _Seconds = 150.0
    access_control_limit_s: _Seconds = 60.0
    wapiti_limit_s: _Seconds = 180.0
    schemathesis_limit_s: _Seconds = 45.0
    browser_limit_s: _Seconds = 90.0

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if bool(self.auth_username) != bool(self.auth_password):
            raise ValueError("auth_username and auth_password belong together: give both")
        header = self.auth_header
        if isinstance(header, SecretStr):
            name, _, value = header.get_secret_value().partition(":")
            if not name.strip() or not value.strip():
                raise ValueError("auth_header: its value has to be `Name: value`")
        return self

    @property
    def gives_login(self) -> bool:
        """Whether the spec says how to log in."""
        return bool(self.auth_username or self.auth_header or self.auth_cookie)

    def plain(self, name: str) -> str:
        """The value of a login option; empty where it is not given."""
        value = getattr(self, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")

    def limit_s(self, tool: str) -> float:
        """Seconds that a tool may take."""
        return float(getattr(self, f"{tool}_limit_s".replace("-", "_")))


OPTIONS = ScanOptions


def scan_options(request: SubtaskRequest) -> ScanOptions:
    """The request's options.

    Raises:
        ToolFault: an unknown option, a value out of range, a missing secret.
    """
    return declared_options(request, ScanOptions)
