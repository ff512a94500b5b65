"""Writes a report in other forms, from the written documents: so every form says what they say.

Apps are read one after another: memory does not grow with their number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from clients.files import disk_faults, is_temporary, publish, remove_stale, temporary_file
from control.documents import FormsWritten
from control.errors import WrongInputError
from control.form_artifacts import parquet_files, sbom_files
from control.reports import exports_folder, read_app, report_folder
from reports.forms.defectdojo import defectdojo
from reports.forms.junit import junit
from reports.forms.latex import latex_files
from reports.forms.markdown import markdown
from reports.forms.methods import methods_markdown, methods_tex
from reports.model import AppReport, FleetReport
from reports.tables.rows import OF_APPS, OF_FLEET
from reports.tables.schema import OneApp
from reports.tables.sheet import csv_head, csv_lines

Pieces = Iterable[bytes]
# The pages link to everything else in the folder.
AS_WRITTEN: Mapping[str, Sequence[str]] = {
    "html": ("[!.]*", "[!.]*/*"),
    "json": ("report.json", "apps/*.json"),
    "sarif": ("*.sarif",),
}
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A written report.

    Attributes:
        data_dir: folder that it lies in, with the artifacts behind it.
        report: of the fleet.
        assay: name and version of the program that writes the form.
    """

    data_dir: Path
    report: FleetReport
    assay: str

    def apps(self) -> Iterator[AppReport]:
        """The documents of all apps, one after another; controls and repeats come last."""
        for summary in (*self.report.apps, *self.report.others):
            yield read_app(self.data_dir, self.report, summary.name)


def one_file(source: Source, form: str) -> Pieces:
    """A form that is a single file, in pieces.

    Raises:
        WrongInputError: it is several files.
    """
    make = _ONE_FILE.get(form)
    if make is None:
        names = ", ".join(_ONE_FILE)
        message = f"{form} is several files, and standard output takes one"
        raise WrongInputError(message, next_step=f"name a folder, or one of the forms {names}")
    return make[1](source)


def write_forms(source: Source, forms: Sequence[str], out: Path | None) -> FormsWritten:
    """Write the report in these forms. Takes long for many apps: not for an event loop.

    Args:
        source: the written report.
        forms: some of `FORMS`.
        out: folder to write to, of which each form takes a subfolder if there are several; None: a
            folder `exports` beside the reports.

    Raises:
        PlatformError: a fault of the disk, or of the report.
    """
    folder = out or exports_folder(source.data_dir, source.report.pipeline.id)
    if folder.exists() and not folder.is_dir():
        raise WrongInputError(f"{folder} is no folder", next_step="name a folder to write to")
    several = len(forms) > 1 or out is None
    files: list[str] = []
    for form in forms:
        below = folder / form if several else folder
        names = _FORMS[form](source, below)
        files += [f"{form}/{name}" if several else name for name in names]
    return FormsWritten(
        pipeline_id=source.report.pipeline.id,
        folder=str(folder),
        forms=tuple(forms),
        files=tuple(files),
    )


def _put_all(folder: Path, files: Iterable[tuple[str, Pieces]]) -> list[str]:
    """Write each file whole or not at all; their names."""
    names: list[str] = []
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        for name, pieces in files:
            with temporary_file(folder) as (file, temporary):
                for piece in pieces:
                    file.write(piece)
                publish(file, temporary, folder / name)
            names.append(name)
    return names


def _as_written(form: str) -> Callable[[Source, Path], list[str]]:
    """A form that lies in the report's own folder."""

    def write(source: Source, folder: Path) -> list[str]:
        for _ in source.apps():
            pass  # what is copied as it is must be whole, and of one writing, too
        root = report_folder(source.data_dir, source.report.pipeline.id)
        found = sorted(path for pattern in AS_WRITTEN[form] for path in root.glob(pattern))
        found = [path for path in found if path.is_file() and not is_temporary(path)]
        return _put_all(folder, ((str(path.relative_to(root)), _blocks(path)) for path in found))

    return write


def _blocks(path: Path) -> Pieces:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _csv(source: Source, folder: Path) -> list[str]:
    """A file per table, all of them in one reading of the apps."""
    summaries = {one.ref: one for one in (*source.report.apps, *source.report.others)}
    with disk_faults(folder), ExitStack() as opened:
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        drafts = {
            table.name: opened.enter_context(temporary_file(folder))
            for table in (*OF_APPS, *OF_FLEET)
        }
        for table in OF_APPS:
            drafts[table.name][0].write(csv_head(table))
        for app in source.apps():
            for table in OF_APPS:
                of = OneApp(app, summaries.get(app.ref))
                drafts[table.name][0].write(csv_lines(table, of))
        for table in OF_FLEET:
            drafts[table.name][0].write(csv_head(table) + csv_lines(table, source.report))
        for name, (file, temporary) in drafts.items():
            publish(file, temporary, folder / f"{name}.csv")
    return [f"{name}.csv" for name in drafts]


def _latex(source: Source, folder: Path) -> list[str]:
    files = {name: (data,) for name, data in latex_files(source.report)}
    files["methods.tex"] = (methods_tex(source.report, source.assay).encode("ascii"),)
    files["methods.md"] = (methods_markdown(source.report, source.assay).encode(),)
    return _put_all(folder, files.items())


def _pictures(source: Source, folder: Path) -> list[str]:
    """Each picture as SVG and as PDF."""
    from clients.pdf import svg_to_pdf
    from reports.pictures.of_fleet import pictures_of

    def files() -> Iterator[tuple[str, Pieces]]:
        for picture in pictures_of(source.report):
            svg = picture.svg.encode()
            yield f"{picture.name}.svg", (svg,)
            yield f"{picture.name}.pdf", (svg_to_pdf(svg),)

    return _put_all(folder, files())


def _single(form: str) -> Callable[[Source, Path], list[str]]:
    name, make = _ONE_FILE[form]
    return lambda source, folder: _put_all(folder, [(name, make(source))])


_ONE_FILE: Mapping[str, tuple[str, Callable[[Source], Pieces]]] = {
    "markdown": ("summary.md", lambda source: (markdown(source.report).encode(),)),
    "junit": ("junit.xml", lambda source: junit(source.report, source.apps())),
    "defectdojo": (
        "defectdojo.json",
        lambda source: defectdojo(source.report, source.apps(), source.assay),
    ),
}
_FORMS: Mapping[str, Callable[[Source, Path], list[str]]] = {
    "html": _as_written("html"),
    "json": _as_written("json"),
    "csv": _csv,
    "parquet": lambda source, folder: parquet_files(source.report, source.apps(), folder),
    "latex": _latex,
    "sarif": _as_written("sarif"),
    "junit": _single("junit"),
    "markdown": _single("markdown"),
    "defectdojo": _single("defectdojo"),
    "sbom": lambda source, folder: _put_all(
        folder, sbom_files(source.report, source.apps(), source.data_dir)
    ),
    "pictures": _pictures,
}
FORMS = tuple(_FORMS)
