"""Finds fleets below a folder, and says what one holds. Blocking: reads folders."""

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contract.base import Frozen
from contract.errors import PlatformError
from contract.source_digest import SKIPPED_FOLDERS
from control.errors import WrongInputError
from control.fleet import app_folders, fleet_folders, folder_of, is_inside
from control.left_out import some
from control.specfile import read_yaml

DEPTH = 3
"""How many folders deep fleets are looked for."""
_FOLDERS_MAX = 3_000
_FLEETS_MAX = 200
_SPEC_BYTES = 256 * 1024
_SPECS_MAX = 20
_NOTES_MAX = 20
_TOLD = frozenset({".yaml", ".yml", ".json", ".md"})


class FoundFleet(Frozen):
    """A folder with apps in it.

    Attributes:
        root: of the fleet.
        models, apps: how many.
    """

    root: str
    models: int
    apps: int


class FoundFleets(Frozen):
    """The fleets below a folder.

    Attributes:
        below: that folder; it counts itself.
        depth: how many folders deep they were looked for.
        fleets: those nearest to it first.
        whole: false: there was too much to look at, or a folder cannot be read; there may be more.
    """

    below: str
    depth: int
    fleets: tuple[FoundFleet, ...]
    whole: bool


class FleetModel(Frozen):
    """A model of a fleet, and the numbers of its apps."""

    name: str
    numbers: tuple[int, ...]


class Fleet(Frozen):
    """What a folder holds.

    Attributes:
        models: in the order in which a pipeline runs them.
        templates: slug by app number, as a spec file in the folder has them; empty: none has.
        templates_dir: where templates are declared; empty: nowhere that was looked at.
        declared: slugs of the declarations there.
        told_by: name of that spec file.
        notes: folders that look like apps, and are none.
    """

    root: str
    models: tuple[FleetModel, ...]
    templates: dict[int, str] = {}
    templates_dir: str = ""
    declared: tuple[str, ...] = ()
    told_by: str = ""
    notes: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Every app number that some model has."""
        return tuple(sorted({number for model in self.models for number in model.numbers}))

    @property
    def apps(self) -> int:
        """How many apps it has."""
        return sum(len(model.numbers) for model in self.models)


def find_fleets(below: Path) -> FoundFleets:
    """The fleets at most `DEPTH` folders below `below`.

    Links, hidden folders and names that are no UTF-8 are not followed. At most 3,000 folders are
    looked at, and 200 fleets told.
    """
    left, found, whole = _FOLDERS_MAX, list[FoundFleet](), True
    waiting = deque([(below, 0)])
    while waiting and left and len(found) < _FLEETS_MAX:
        folder, depth = waiting.popleft()
        try:
            models = {child: _apps(child) for child in _children(folder)}
        except OSError:
            whole = False
            continue
        left = max(left - 1 - len(models), 0)
        apps = sum(models.values())
        if apps:
            count = sum(1 for number in models.values() if number)
            found.append(FoundFleet(root=str(folder), models=count, apps=apps))
        if depth < DEPTH:
            waiting += [(child, depth + 1) for child, number in models.items() if not number]
    return FoundFleets(
        below=str(below), depth=DEPTH, fleets=tuple(found), whole=whole and not waiting
    )


def _children(folder: Path) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        hidden = child.name.startswith(".") or child.name in SKIPPED_FOLDERS
        if not hidden and _is_text(child.name) and not child.is_symlink() and child.is_dir():
            yield child


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8: Python hands other bytes on as halves of characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _apps(folder: Path) -> int:
    """How many apps are directly in `folder`; 0 where it cannot be read."""
    with suppress(OSError):
        return sum(path.is_dir() and _has_source(path) for path in app_folders(folder).values())
    return 0


def _has_source(folder: Path) -> bool:
    """Whether there is more in it than what is said about an app elsewhere: labels, notes."""
    return any(path.is_dir() or path.suffix not in _TOLD for path in folder.iterdir())


def look_at(root: Path, below: Path | None = None) -> Fleet:
    """What the folder `root` holds.

    Args:
        root: of the fleet.
        below: declarations of templates that are elsewhere are not looked at; None: all are.

    Raises:
        WrongInputError: it is no folder, cannot be read, or has no apps.
    """
    notes: list[str] = []
    with _readable(root):
        if not root.is_dir():
            raise WrongInputError(
                f"the folder: no such folder: {root}", next_step="name the folder of a fleet"
            )
        models = {
            name: FleetModel(name=name, numbers=tuple(sorted(apps)))
            for name, apps in fleet_folders(root, notes.append).items()
        }
        if not models:
            raise WrongInputError(
                f"the folder: no apps below {root}",
                next_step="apps are folders <root>/<model>/app<N>/",
            )
        templates, folder, told_by = _templates(root)
        if folder and below and not is_inside(folder, below):
            notes.insert(0, f"templates are not looked at: {folder} is not below {below}")
            folder = None
        declared = _declared(folder) if folder else ()
    return Fleet(
        root=str(root),
        models=tuple(models.values()),
        templates=templates,
        templates_dir=str(folder) if declared else "",
        declared=declared,
        told_by=told_by,
        notes=some(notes, _NOTES_MAX, "notes like these"),
    )


def _declared(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if _is_text(path.stem)))


@contextmanager
def _readable(root: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise WrongInputError(
            f"the folder: {error.filename or root}: {error.strerror}",
            next_step="make the folders of the fleet readable",
        ) from error


def _templates(root: Path) -> tuple[dict[int, str], Path | None, str]:
    """Template by app number, the folder of declarations, and the spec file that says so."""
    for path in sorted(root.glob("*.yaml"))[:_SPECS_MAX]:
        with suppress(PlatformError, OSError):
            apps = _apps_of_spec(read_yaml(path, "spec", _SPEC_BYTES), root)
            slugs = _slugs(apps.get("templates"))
            if slugs:
                declared = apps.get("templates_dir")
                folder = folder_of(root, declared, "") if isinstance(declared, str) else None
                return slugs, folder if folder and folder.is_dir() else None, path.name
    folder = root / "templates"
    return {}, folder if folder.is_dir() else None, ""


def _apps_of_spec(document: Any, root: Path) -> Mapping[Any, Any]:
    """What a spec file in `root` says of the apps of this very folder."""
    apps = document.get("apps") if isinstance(document, dict) else None
    if not isinstance(apps, dict) or not isinstance(apps.get("root"), str):
        return {}
    return apps if folder_of(root, apps["root"], "") == root.resolve() else {}


def _slugs(templates: Any) -> dict[int, str]:
    if not isinstance(templates, dict):
        return {}
    return {
        number: slug
        for number, slug in templates.items()
        if type(number) is int and isinstance(slug, str)
    }
