"""Secrets: a spec contains only a reference, which says where the worker finds the value."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from contract.base import Authored

ENV_PREFIX = "ASSAY_LOGIN_"
"""Only such variables can be named, so that no spec makes a worker send others to an app."""

_ENV = re.compile(f"{ENV_PREFIX}[A-Z0-9_]+")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def _env_name(name: str) -> str:
    if not _ENV.fullmatch(name):
        raise ValueError(f"the name of a variable that begins with {ENV_PREFIX}")
    return name


def _file_name(name: str) -> str:
    if not _FILE.fullmatch(name):
        raise ValueError("the name of a file in the worker's folder of logins, without a path")
    return name


_EnvName = Annotated[
    str, AfterValidator(_env_name), Field(json_schema_extra={"pattern": f"^{_ENV.pattern}$"})
]
_FileName = Annotated[
    str, AfterValidator(_file_name), Field(json_schema_extra={"pattern": f"^{_FILE.pattern}$"})
]


class SecretRef(Authored):
    """Where the worker finds a secret, at the call that needs it: exactly one of `env` and `file`.

    Attributes:
        env: name of a variable of the worker, `ASSAY_LOGIN_...`.
        file: name of a file in the worker's folder of logins (`ASSAY_LOGINS`), without a path.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"minProperties": 1, "maxProperties": 1},
    )

    env: _EnvName | None = None
    file: _FileName | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("write {env: ASSAY_LOGIN_NAME} or {file: NAME}")
        return self

    def __str__(self) -> str:
        """The reference as it is written in a spec."""
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"


class IsSecret:
    """Marks an option whose value must not be in a spec (`Annotated[..., IsSecret()]`)."""


SecretOption = Annotated[SecretStr | SecretRef | None, IsSecret()]
"""An option that is a reference in a spec, and a value in the call to an analyzer."""


def keyed_digest(key: bytes, secrets: Mapping[str, str]) -> str:
    """Digest by which the owner of the key can compare sets of secrets; empty for no secret."""
    text = json.dumps(dict(secrets), sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() if secrets else ""
