"""Which file of the app a SARIF log means. Pure.

A log may have been made elsewhere: all its places begin with the folder that the app lay in. One
such beginning is taken for a whole run; what does not begin with it is in no file of this app.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from contract.ids import safe_model
from contract.source_digest import SKIPPED_FOLDERS
from contract.spec import AppRef

Parts = tuple[str, ...]
_MAX_PARTS = 60
_APP_FOLDER = re.compile(r"app\d+")


@dataclass(frozen=True, slots=True)
class Places:
    """Finds files of an app by the URIs of one run.

    Attributes:
        names: relative paths of the app's files.
        beginning: what all URIs of the run have before them.
    """

    names: frozenset[str]
    beginning: Parts = ()

    @classmethod
    def of(cls, names: Collection[str], uris: Iterable[str], ref: AppRef) -> "Places":
        """The beginning under which most of the `uris` are files of the app; the shortest one."""
        known = frozenset(names)
        votes = Counter[Parts]()
        for parts in {parts for uri in uris if (parts := parts_of(uri))}:
            votes.update(_beginnings(parts, known, ref))
        best = min(votes, key=lambda found: (-votes[found], len(found), found), default=())
        return cls(known, best)

    def file(self, uri: str) -> str | None:
        """The file of the app that a URI names; None: it names none."""
        parts = parts_of(uri)
        size = len(self.beginning)
        name = "/".join(parts[size:])
        return name if parts[:size] == self.beginning and name in self.names else None


def parts_of(uri: str) -> Parts:
    """Segments of the path of a URI, or of a Windows path; none for what is no path."""
    try:
        path = urlsplit(uri.replace("\\", "/")).path
    except ValueError:
        return ()
    parts = tuple(part for part in unquote(path).split("/") if part not in ("", "."))
    return () if ".." in parts or len(parts) > _MAX_PARTS else parts


def _beginnings(parts: Parts, names: Collection[str], ref: AppRef) -> Iterator[Parts]:
    """What may stand before the name of a file of this app."""
    for size in range(len(parts)):
        if "/".join(parts[size:]) in names and _may_hold(parts[:size], ref):
            yield parts[:size]


def _may_hold(folder: Parts, ref: AppRef) -> bool:
    """Not a folder of dependencies, nor that of another app of a fleet."""
    if not SKIPPED_FOLDERS.isdisjoint(folder):
        return False
    if not folder or not _APP_FOLDER.fullmatch(folder[-1]):
        return True
    models = {ref.model, safe_model(ref.model)}
    return folder[-1] == f"app{ref.app_number}" and (len(folder) < 2 or folder[-2] in models)
