"""The alerts file, which a person writes: who is told, how, and from which severity on."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from contract.alert import Severity
from contract.base import Authored
from contract.secret import ENV_PREFIX

MOST_RECEIVERS = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_ENV = re.compile(f"{ENV_PREFIX}[A-Z0-9_]+")
_URL = re.compile(r"https?://[^\s/@\\?#]+[^\s@\\]*")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name of letters, digits, '-', '_' and '.', at most 63")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("one mail address, as ops@example.org")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("the name or address of a host")
    return text


def url_of(text: str) -> str:
    """`text`, if it is the address of a receiver. Raises: ValueError."""
    if not _URL.fullmatch(text) or len(text) > 2000:
        raise ValueError("an address that begins with http:// or https://, without a login in it")
    return text


def _env(text: str) -> str:
    if not _ENV.fullmatch(text):
        raise ValueError(f"the name of a variable that begins with {ENV_PREFIX}")
    return text


Name = Annotated[str, AfterValidator(_name)]
_Address = Annotated[str, AfterValidator(_address)]
_Url = Annotated[str, AfterValidator(url_of)]
_Env = Annotated[str, AfterValidator(_env)]


class _Receiver(Authored):
    """What all receivers have.

    Attributes:
        name: in metrics and messages.
        min_severity: what matters less is not sent to it.
        ca_file: certificates to trust instead of the well-known authorities, in PEM.
    """

    name: Name
    min_severity: Severity = Severity.WARNING
    ca_file: Path | None = None


class Webhook(_Receiver):
    """A program that takes JSON.

    Attributes:
        url, url_file, url_env: its address; exactly one of them. One that is a secret itself
            belongs in a file or in a variable.
        token_file, token_env: a token that is sent as `Authorization: Bearer`.
    """

    type: Literal["webhook"]
    url: _Url | None = None
    url_file: Path | None = None
    url_env: _Env | None = None
    token_file: Path | None = None
    token_env: _Env | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _one_of(url=self.url, url_file=self.url_file, url_env=self.url_env)
        _at_most_one(token_file=self.token_file, token_env=self.token_env)
        return self


class Slack(_Receiver):
    """An incoming webhook of Slack, Mattermost or whoever takes the same JSON.

    Attributes:
        url_file, url_env: its address, which is a secret; exactly one of them.
    """

    type: Literal["slack"]
    url_file: Path | None = None
    url_env: _Env | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _one_of(url_file=self.url_file, url_env=self.url_env)
        return self


class Email(_Receiver):
    """People, by mail.

    Attributes:
        host, port: of the mail server; default port 587, 465 with `tls`, 25 with `none`.
        security: `starttls`, `tls` from the first byte, or `none`, which sends no password.
        sender: address of the sender.
        to: addresses, at most 20.
        username: at the mail server; its password is in `password_file` or `password_env`.
    """

    type: Literal["email"]
    host: Annotated[str, AfterValidator(_host)]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: _Address
    to: Annotated[tuple[_Address, ...], Field(min_length=1, max_length=20)]
    username: Annotated[str, Field(max_length=200)] = ""
    password_file: Path | None = None
    password_env: _Env | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.username:
            _one_of(password_file=self.password_file, password_env=self.password_env)
            if self.security == "none":
                raise ValueError("a password goes over an encrypted line only: starttls or tls")
        elif self.password_file or self.password_env:
            raise ValueError("a password needs a username")
        return self

    @property
    def port_number(self) -> int:
        """The port that is meant."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]


Receiver = Annotated[Webhook | Slack | Email, Field(discriminator="type")]


class AlertsFile(Authored):
    """Who is told of alerts.

    Attributes:
        receivers: at most 20, each with a name of its own.
        repeat_minutes: an alert that lasts is sent again after this time.
        links: address of the dashboard or of the runbook's pages, put before links that have none.
    """

    receivers: Annotated[tuple[Receiver, ...], Field(min_length=1, max_length=MOST_RECEIVERS)]
    repeat_minutes: Annotated[int, Field(ge=5, le=10_080)] = 240
    links: _Url | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.receivers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two receivers are named {twice}")
        return self


def _one_of(**fields: object) -> None:
    if sum(value is not None for value in fields.values()) != 1:
        raise ValueError(f"write exactly one of {', '.join(fields)}")


def _at_most_one(**fields: object) -> None:
    if sum(value is not None for value in fields.values()) > 1:
        raise ValueError(f"write at most one of {', '.join(fields)}")
