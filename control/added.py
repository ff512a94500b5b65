"""Apps that a spec adds to those of its fleet: control apps, scaffolds, and apps once more."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, zip_longest
from pathlib import Path

from contract.analyzers import AnalyzerKind, Category
from contract.control import AnswerSheet
from contract.role import AppRole, NoiseSpec
from contract.roles import AUTO_FROM, REPEAT_CHARS, RESERVED, control_ref, repeat_ref, scaffold_ref
from contract.spec import AppRef, PipelineSpec, PlannedApp
from contract.template import TemplateSpec
from control.errors import WrongInputError
from control.fleet import app_folders, folder_of
from control.mistakes import unlike
from control.specfile import read_yaml, validate

Read = Callable[[AppRef, Path], PlannedApp]
"""Reads an app's folder for its digest."""

CONTROLS = Path(__file__).resolve().parents[1] / "controls"
# The apps of the other folders break or are empty: they say nothing of what tools see.
_CONTROL_MODELS = ("careless-1", "careful-1")
# What their apps were asked to be, by number.
_CONTROL_TEMPLATES = {1: "notes", 2: "shop"}
_MODEL_CHARS = 120


def with_added(
    spec: PipelineSpec, base: Path, subjects: Sequence[PlannedApp], read: Read
) -> list[PlannedApp]:
    """The subjects with all that their spec adds to them.

    What says how to read the subjects comes before them, so that it is known however early the
    pipeline ends. Repeats come last: their subjects are measured by then.

    Args:
        spec: what a person asked for.
        base: folder of the spec file.
        subjects: apps of the fleet.
        read: reads an app's folder for its digest.

    Raises:
        PlatformError: the spec asks for what cannot be; a folder cannot be read.
    """
    first = chain(_scaffolds(spec, base, read), controls(spec, len(subjects), read))
    return [*first, *subjects, *_repeats(spec, subjects)]


def controls(
    spec: PipelineSpec, subjects: int, read: Read, root: Path = CONTROLS
) -> Iterator[PlannedApp]:
    """The control apps of a fleet of so many `subjects`, with their answer sheets.

    Load tests and judges look for no weakness, so these apps say nothing of them.

    Raises:
        PlatformError: the spec asks for controls, and no analyzer could be judged by them.
    """
    if spec.controls == "off" or (spec.controls == "auto" and subjects < AUTO_FROM):
        return
    kinds = _looking(spec.analyzers)
    if not kinds and spec.controls == "auto":
        return
    _require(kinds, "controls", "looks for weaknesses")
    for model in _CONTROL_MODELS:
        folder = root / model
        if not folder.is_dir():
            raise WrongInputError(
                f"controls: no folder {folder}", next_step="restore it, or write controls: off"
            )
        for number, app in app_folders(folder).items():
            planned = read(control_ref(model, number), app)
            yield planned.model_copy(
                update={
                    "role": AppRole.CONTROL,
                    "template": RESERVED + _CONTROL_TEMPLATES[number],
                    "analyzers": kinds,
                    "sheet": answer_sheet(model, number, root),
                }
            )


def control_templates(apps: Iterable[PlannedApp], root: Path = CONTROLS) -> dict[str, TemplateSpec]:
    """What the control apps among `apps` were asked to be, by the slugs that they name.

    Raises:
        PlatformError: a declaration cannot be read.
    """
    slugs = {app.template for app in apps if app.role is AppRole.CONTROL and app.template}
    paths = {slug: root / "templates" / f"{slug.removeprefix(RESERVED)}.yaml" for slug in slugs}
    return {slug: _template(path, _written_at(path)) for slug, path in sorted(paths.items())}


def answer_sheet(model: str, number: int, root: Path = CONTROLS) -> AnswerSheet:
    """The answer sheet of a control app.

    Raises:
        PlatformError: it cannot be read.
    """
    path = root / "labels" / model / f"app{number}" / "expected.yaml"
    return _sheet(path, _written_at(path))


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=32)
def _sheet(path: Path, _: int) -> AnswerSheet:
    """The answer sheet in a file that was written at this moment: each plan asks for it."""
    return validate(AnswerSheet, read_yaml(path, "answer sheet"), str(path))


@lru_cache(maxsize=32)
def _template(path: Path, _: int) -> TemplateSpec:
    """The template in such a file."""
    return validate(TemplateSpec, read_yaml(path, "template"), str(path))


def _scaffolds(spec: PipelineSpec, base: Path, read: Read) -> Iterator[PlannedApp]:
    """Each scaffold once, for the analyzers that read its source."""
    if spec.scaffold is None:
        return
    kinds = tuple(kind for kind in _looking(spec.analyzers) if not kind.is_live)
    _require(kinds, "scaffold", "reads source code")
    folders = _folders(spec, spec.scaffold)
    for number, (template, text) in enumerate(folders.items(), 1):
        field = f"scaffold.{template}" if template else "scaffold"
        folder = folder_of(base, text, field)
        if not folder.is_dir():
            raise WrongInputError(
                f"{field}: no such folder: {folder}", next_step=f"correct {field} in the spec"
            )
        app = read(scaffold_ref(number), folder)
        changes = {"role": AppRole.SCAFFOLD, "template": template, "analyzers": kinds}
        yield app.model_copy(update=changes)


def _folders(spec: PipelineSpec, scaffold: str | Mapping[str, str]) -> Mapping[str | None, str]:
    """Folders of the scaffolds by template; None: of all apps."""
    if isinstance(scaffold, str):
        return {None: scaffold}
    used = set(spec.apps.templates.values())
    wrong = [unlike(slug, sorted(used), "template") for slug in scaffold if slug not in used]
    if wrong or not scaffold:
        raise WrongInputError(
            "scaffold: not among apps.templates",
            lines=tuple(wrong),
            next_step=f"templates there: {', '.join(sorted(used)) or 'none'}",
        )
    return {slug: scaffold[slug] for slug in sorted(scaffold)}


def _repeats(spec: PipelineSpec, subjects: Sequence[PlannedApp]) -> Iterator[PlannedApp]:
    """Some subjects once more, for the live analyzers; a round of all, then the next round."""
    if spec.noise is None:
        return
    kinds = tuple(kind for kind in spec.analyzers if kind.is_live)
    _require(kinds, "noise", "measures a running app")
    chosen = _chosen(spec.noise, subjects)
    for number in range(1, spec.noise.repeats + 1):
        for app in chosen:
            ref = repeat_ref(app.ref, number)
            changes = {"ref": ref, "role": AppRole.REPEAT, "analyzers": kinds}
            yield app.model_copy(update=changes)


def _chosen(noise: NoiseSpec, subjects: Sequence[PlannedApp]) -> list[PlannedApp]:
    """As many apps as asked for, in an order that nobody chose, from each model in turn."""
    models: defaultdict[str, list[PlannedApp]] = defaultdict(list)
    for app in sorted(subjects, key=_lot):
        if len(app.ref.model) + REPEAT_CHARS <= _MODEL_CHARS:
            models[app.ref.model].append(app)
    in_turn = [app for row in zip_longest(*models.values()) for app in row if app is not None]
    if len(in_turn) < noise.apps:
        raise WrongInputError(
            f"noise.apps: {noise.apps} apps are to be repeated, and there are {len(in_turn)}",
            next_step=f"write at most {len(in_turn)}",
        )
    return in_turn[: noise.apps]


def _lot(app: PlannedApp) -> str:
    return hashlib.sha256(app.ref.label.encode()).hexdigest()


def _looking(kinds: Iterable[AnalyzerKind]) -> tuple[AnalyzerKind, ...]:
    """Those that look for weaknesses."""
    return tuple(kind for kind in kinds if Category.SECURITY in kind.row.looks_for)


def _require(kinds: tuple[AnalyzerKind, ...], field: str, does: str) -> None:
    if not kinds:
        raise WrongInputError(
            f"{field}: no analyzer of this spec {does}",
            next_step=f"add one to analyzers, or remove {field}",
        )
