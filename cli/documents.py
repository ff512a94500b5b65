"""The JSON documents of `--json` that are the command line's own; docs/cli.md prints them all.

Fields are only ever added. Times are ISO 8601 in UTC, `_s` stands for seconds.
"""

from datetime import datetime
from typing import Any

from contract.access import Scope
from contract.base import Frozen
from control.documents import PipelineLine


class PipelineList(Frozen):
    """Every pipeline.

    Attributes:
        pipelines: the newest first, each a `PipelineLine`.
    """

    pipelines: tuple[PipelineLine, ...]


class Submitted(Frozen):
    """A pipeline that goes on by itself; with `--wait` the document is the report.

    Attributes:
        started: false when this very pipeline ran already, and was joined.
        apps: how many it has.
        ui: its address in the Temporal Web UI; empty when that is not known.
        dashboard: its page in the dashboard; empty when that is not known.
        note: what of the spec this start leaves aside; empty: nothing.
    """

    pipeline_id: str
    started: bool
    apps: int
    ui: str
    dashboard: str = ""
    note: str = ""


class LoginAddress(Frozen):
    """What logs one browser in, once.

    Attributes:
        url: to be opened in that browser; it is a secret until it is used.
        name: whom it lets in; the log of changes names them.
        expires_at: from then on it is good for nothing.
    """

    url: str
    name: str
    scope: Scope
    expires_at: datetime


class Check(Frozen):
    """One line of the diagnosis.

    Attributes:
        needed: without it nothing works; else only part is missing.
    """

    name: str
    ok: bool
    detail: str
    next_step: str = ""
    needed: bool = False

    def __init__(
        self, name: str, ok: bool, detail: str, next_step: str = "", needed: bool = False
    ) -> None:
        fields: dict[str, Any] = {"name": name, "ok": ok, "detail": detail}
        super().__init__(**fields | {"next_step": next_step, "needed": needed})


class Diagnosis(Frozen):
    """What this machine can measure.

    Attributes:
        ok: nothing is missing without which nothing works.
        checks: each a `Check`.
    """

    ok: bool
    checks: tuple[Check, ...]


class StackUp(Frozen):
    """The local stack; its fields are empty where TEMPORAL_* names a server.

    Attributes:
        started: whether this command started it.
        temporal: address of the server.
        ui: address of its Web UI.
        data: the data folder.
        dashboard: address of the dashboard.
        metrics: address of the worker's figures.
    """

    started: bool
    temporal: str = ""
    ui: str = ""
    data: str = ""
    dashboard: str = ""
    metrics: str = ""


class StackDown(Frozen):
    """The local stack, stopped.

    Attributes:
        stopped: false when none ran.
        unfinished: pipelines that go on at the next `up`.
    """

    stopped: bool
    unfinished: tuple[str, ...]


class Written(Frozen):
    """A spec that was written and not submitted.

    Attributes:
        apps: how many it names.
    """

    spec: str
    apps: int


class Trouble(Frozen):
    """What any command prints when it cannot do what it was asked for, below the key `error`.

    Attributes:
        details: one per wrong field or part.
        exit: name of the exit code.
    """

    message: str
    details: tuple[str, ...]
    next_step: str
    exit_code: int
    exit: str
