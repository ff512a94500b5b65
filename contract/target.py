"""A running service of an app, as analyzers reach it."""

from typing import Literal

from contract.base import Frozen


class Further(Frozen):
    """A port of a service beside the one of its `Target`.

    Attributes:
        base_url: `http://host:port`, whatever protocol it speaks.
        published, written_for: as those of `Target`.
    """

    base_url: str
    published: tuple[int, ...] = ()
    written_for: tuple[int, ...] = ()


class Target(Frozen):
    """A running service of an app, as seen from where the analyzer runs.

    Attributes:
        service: compose service name, `app` for a single-service app.
        base_url: `http://host:port`, no path.
        container_id: what must be answering; empty for a confined process.
        role: by what it answered: `frontend` serves pages, and another service serves what they
            need; all else is `backend`, also where it could not be told.
        published: ports of its author's machine under which the compose file publishes it.
        written_for: further ports it was written for: the one it listens on inside.
        folder: of the app, from which it is built; empty: unknown, or all of it.
        further: other ports of it that accept connections.
    """

    service: str
    base_url: str
    container_id: str = ""
    role: Literal["backend", "frontend"] = "backend"
    published: tuple[int, ...] = ()
    written_for: tuple[int, ...] = ()
    folder: str = ""
    further: tuple[Further, ...] = ()
