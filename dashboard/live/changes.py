"""Which parts of a view changed when. Pure, without I/O."""

import secrets
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

Shown = TypeVar("Shown")


class Part(NamedTuple, Generic[Shown]):
    """One part of a view.

    Attributes:
        key: differs when people would see something else.
        shown: what they see.
    """

    key: object
    shown: Shown


class Changes(Generic[Shown]):
    """The parts of a view as they are now, each with the version that it changed in last.

    An event's ID names a version of this object; IDs of another one (the dashboard started anew)
    stand for nothing that is known here.

    Attributes:
        version: grows by one with each change; 0: nothing was ever shown.
    """

    def __init__(self) -> None:
        self.version = 0
        self._life = secrets.token_hex(4)
        self._parts: dict[str, tuple[int, Part[Shown] | None]] = {}

    @property
    def id(self) -> str:
        """Of the present version."""
        return f"{self._life}.{self.version}"

    def update(self, parts: Mapping[str, Part[Shown]]) -> bool:
        """Take the parts as they are now; whether anything changed."""
        now: dict[str, Part[Shown] | None] = {n: None for n in self._parts if n not in parts}
        now |= parts
        changed = [name for name, part in now.items() if self._is_news(name, part)]
        self.version += bool(changed)
        for name in changed:
            self._parts[name] = (self.version, now[name])
        return bool(changed)

    def _is_news(self, name: str, part: Part[Shown] | None) -> bool:
        if name not in self._parts:
            return True
        before = self._parts[name][1]
        return (before and before.key) != (part and part.key) or (before is None) != (part is None)

    def version_of(self, id_: str) -> int:
        """The version that an event's ID names; 0: none that is known here."""
        life, _, version = id_.partition(".")
        known = life == self._life and version.isdecimal() and len(version) < 12
        return int(version) if known and int(version) <= self.version else 0

    def since(self, version: int) -> dict[str, Shown | None]:
        """What changed after a version; None: that part is gone."""
        return {
            name: part.shown if part else None
            for name, (changed, part) in self._parts.items()
            if changed > version and not (part is None and version == 0)
        }
