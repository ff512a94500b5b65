"""The folders of a fleet, `<root>/<model>/app<N>/`, and which of them a spec asks for."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from pydantic import ValidationError

from contract.errors import ErrorCode, PlatformError
from contract.ids import model_from_safe
from contract.roles import RESERVED, is_reserved
from contract.spec import AppRef, AppsSpec
from control.errors import WrongInputError
from control.mistakes import unlike

Say = Callable[[str], None]
Folders = dict[str, dict[int, Path]]
"""Folders of apps, by model and number."""
Numbers = Mapping[str, Collection[int]]
"""Numbers of apps by model; a collection that finds one quickly."""
_APP_FOLDER = re.compile(r"^app([1-9][0-9]{0,5})$")
_NEARLY_APP = re.compile(r"^app[ ._-]?[0-9]+$", re.IGNORECASE)
_LISTED = 10


def silent(_: str) -> None:
    """Say nothing."""


def folder_of(base: Path, text: str, field: str) -> Path:
    """The folder that a person means by `text`, relative to `base`.

    Raises:
        PlatformError: no path at all; whether it exists is not looked at.
    """
    try:
        return (base / Path(text).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a loop of links, a NUL
        raise WrongInputError(
            f"{field}: not a folder: {text!r} ({error})", next_step=f"correct {field}"
        ) from error


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path is below `root`, links followed."""
    return path.resolve().is_relative_to(root.resolve())


def require_inside(path: Path, root: Path, field: str) -> None:
    """Refuse a path that is not below `root`, links followed.

    Raises:
        PlatformError: PERMISSION_DENIED, naming the field.
    """
    if not is_inside(path, root):
        raise PlatformError(
            ErrorCode.PERMISSION_DENIED,
            f"{field}: {path} is not below {root}",
            next_step="choose a folder below it, or submit the spec from the command line",
        )


def fleet_folders(root: Path, say: Say = silent) -> Folders:
    """Folders of the apps below `root`, by model and number; `say` hears of what is left out.

    Reads every folder once: whoever asks for more hands the answer on.

    Raises:
        WrongInputError: a folder of apps stands for no model, or for that of another one.
        OSError: a folder cannot be read.
    """
    folders: Folders = {}
    seen: dict[str, str] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or not (apps := app_folders(folder, say)):
            continue
        model = _model_name(folder)
        if model in folders:
            raise WrongInputError(
                f"two folders stand for model {model!r}: {seen[model]!r}, {folder.name!r}",
                next_step="rename or remove one of them",
            )
        folders[model], seen[model] = apps, folder.name
    return folders


def _model_name(folder: Path) -> str:
    try:
        model = AppRef(model=model_from_safe(folder.name), app_number=1).model
    except ValidationError as error:
        raise WrongInputError(
            f"{folder}: no model can be named like this: {error.errors()[0]['msg']}",
            next_step="rename the folder: UTF-8, 1 to 120 characters, not only blanks",
        ) from error
    if is_reserved(model):
        raise WrongInputError(
            f"{folder}: names that begin with {RESERVED!r} are those of Assay's own apps",
            next_step="rename the folder",
        )
    return model


def app_folders(model: Path, say: Say = silent) -> dict[int, Path]:
    """Apps of a model by number; `say` hears of folders that nearly look like one."""
    apps: dict[int, Path] = {}
    for folder in sorted(model.iterdir(), key=attrgetter("name")):
        if match := _APP_FOLDER.match(folder.name):
            apps[int(match[1])] = folder
        elif _NEARLY_APP.match(folder.name) and folder.is_dir():
            say(f"left out: {folder} (folders of apps are named app1, app2, ...)")
    return apps


def chosen_apps(apps: AppsSpec, there: Numbers, root: Path) -> Iterator[tuple[str, int]]:
    """Model and number of each app that the spec asks for.

    Args:
        apps: what the spec says.
        there: numbers of the apps by model.
        root: where they are, for messages.

    Raises:
        WrongInputError: it asks for what is not there, or for something twice.
    """
    if apps.only is not None:
        yield from _single(apps, apps.only, there, root)
        return
    for model in _models(apps, there, root):
        for number in _numbers(apps, model, there[model]):
            yield model, number


def _single(
    apps: AppsSpec, names: tuple[str, ...], numbers: Numbers, root: Path
) -> Iterator[tuple[str, int]]:
    """The apps of `apps.only`, in its order."""
    if apps.models is not None or apps.numbers is not None:
        raise WrongInputError(
            "apps.only names each app: it stands for models and numbers as well",
            next_step="remove apps.models and apps.numbers, or apps.only",
        )
    there = {
        AppRef(model=model, app_number=number).label: (model, number)
        for model, own in numbers.items()
        for number in own
    }
    wrong = [unlike(name, there, "app") for name in names if name not in there]
    if wrong:
        raise WrongInputError(
            f"apps.only: not below {root}",
            lines=tuple(wrong),
            next_step=f"write MODEL/appN; there: {_few(there)}",
        )
    _refuse_repeated("apps.only", names)
    yield from (there[name] for name in names)


def _few(names: Iterable[str]) -> str:
    """The first ones, and how many more there are."""
    known = list(names)
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return (", ".join(known[:_LISTED]) or "none") + more


def _refuse_repeated(field: str, names: Sequence[object]) -> None:
    repeated = [str(name) for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise WrongInputError(
            f"{field}: listed twice: {', '.join(repeated)}", next_step="list it once"
        )


def _models(apps: AppsSpec, there: Numbers, root: Path) -> list[str]:
    if apps.models is None:
        return list(there)
    wrong = [unlike(model, there, "model") for model in apps.models if model not in there]
    if wrong:
        raise WrongInputError(
            f"apps.models: not below {root}",
            lines=tuple(wrong),
            next_step=f"models there: {', '.join(there) or 'none'}",
        )
    _refuse_repeated("apps.models", apps.models)
    return list(apps.models)


def _numbers(apps: AppsSpec, model: str, there: Collection[int]) -> list[int]:
    numbers = sorted(there) if apps.numbers is None else list(apps.numbers)
    missing = [number for number in numbers if number not in there]
    if missing:
        raise WrongInputError(
            f"apps.numbers: {model} has no app{missing[0]}",
            lines=tuple(f"{model}: no folder app{number}" for number in missing),
            next_step=f"{model} has: {', '.join(f'app{number}' for number in sorted(there))}",
        )
    _refuse_repeated("apps.numbers", numbers)
    return numbers
