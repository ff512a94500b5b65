"""A written report in other forms: whole files, the same figures, and one clear error."""

import csv
import io
import json
import tarfile
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest
import zstandard
from jsonschema import Draft202012Validator

from cli.arguments import FormName
from clients.archive_members import read_member
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.record import PipelineRecord
from control.errors import DamagedReportError, WrongInputError
from control.forms import FORMS, Source, one_file, write_forms
from control.reports import read_app, read_report
from control.schemas import SCHEMAS
from reports.forms.sbom import named
from reports.model import AppReport
from reports.tables.rows import TABLES
from tests.support.report_on_disk import write_report
from tests.unit import report_samples as samples

ASSAY = "assay 0.1.0"
OF_FLEET = {"latex", "markdown", "pictures"}


def report_in(data_dir: Path, record: PipelineRecord) -> Source:
    """The written report of `record`."""
    return Source(data_dir, read_report(data_dir, write_report(data_dir, record)), ASSAY)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    data_dir = tmp_path_factory.mktemp("data")
    return report_in(data_dir, samples.fleet())


@pytest.fixture(scope="module")
def parquet(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parquet")
    write_forms(source, ("parquet",), folder)
    return folder


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(":memory:") as connection:
        for table in TABLES:
            path = folder / f"{table.name}.parquet"
            connection.execute(f"CREATE VIEW {table.name} AS FROM read_parquet('{path}')")
        return connection.execute(sql).fetchall()


def test_the_command_line_offers_every_form():
    assert (*FORMS, "all") == get_args(FormName)


def test_every_form_can_be_written_at_once_and_again(source: Source, tmp_path: Path):
    written = write_forms(source, FORMS, tmp_path)
    several = ("csv", "parquet", "markdown")
    again = write_forms(source, several, tmp_path)

    assert set(again.files) < set(written.files)
    assert {name.partition("/")[0] for name in written.files} == set(FORMS)
    on_disk = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert on_disk == set(written.files)


def test_without_a_folder_the_files_are_below_the_data(source: Source):
    written = write_forms(source, ("markdown",), None)

    assert Path(written.folder) == source.data_dir / "exports" / source.report.pipeline.id
    assert written.files == ("markdown/summary.md",)


def test_a_file_in_the_way_is_told(source: Source, tmp_path: Path):
    (tmp_path / "x").write_text("mine")

    with pytest.raises(WrongInputError, match="is no folder"):
        write_forms(source, ("csv",), tmp_path / "x")
    assert (tmp_path / "x").read_text() == "mine"


def test_files_of_somebody_else_stay_where_they_are(source: Source, tmp_path: Path):
    mine, stale = tmp_path / "movie.iso.part", tmp_path / f"{'0a' * 16}.part"
    for form in FORMS:
        mine.write_bytes(b"mine")
        stale.write_bytes(b"of a killed writer")
        write_forms(source, (form,), tmp_path)

        assert mine.read_bytes() == b"mine"
        assert not stale.exists()


def test_standard_output_takes_one_file(source: Source):
    assert b"# Assay" in b"".join(one_file(source, "markdown"))
    with pytest.raises(WrongInputError, match="several files") as refused:
        one_file(source, "parquet")
    assert "markdown" in refused.value.next_step


def test_an_app_of_another_writing_is_not_mixed_in(source: Source, tmp_path: Path):
    later = source.report.generated_at.replace(year=2030)
    mixed = Source(source.data_dir, source.report.model_copy(update={"generated_at": later}), ASSAY)

    with pytest.raises(PlatformError, match="another writing"):
        write_forms(mixed, ("parquet",), tmp_path)
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("form", sorted({*FORMS} - OF_FLEET))
def test_a_report_that_lacks_the_document_of_an_app_is_in_no_form_whole(tmp_path: Path, form: str):
    source = report_in(tmp_path, samples.fleet())
    document = tmp_path / "reports" / source.report.pipeline.id / "apps"
    (document / f"{source.report.apps[1].name}.json").unlink()

    with pytest.raises(DamagedReportError, match="it is gone") as refused:
        write_forms(source, (form,), tmp_path / "out")
    assert refused.value.next_step
    assert not any((tmp_path / "out").glob("*")) or form == "sbom"


def test_tables_are_joined_by_their_keys(parquet: Path):
    for table in TABLES:
        key = ", ".join(f"coalesce({name}::VARCHAR, '')" for name in table.key)
        sql = f"SELECT count(*), count(DISTINCT ({key})) FROM {table.name}"
        ((count, distinct),) = rows(parquet, sql)
        assert count == distinct, table.name
    sql = "SELECT count(*) FROM cells ANTI JOIN apps USING (pipeline, model, app_number)"
    assert rows(parquet, sql) == [(0,)]


def test_a_table_has_the_figures_of_the_report(source: Source, parquet: Path):
    states = dict(rows(parquet, "SELECT state, count(*) FROM cells GROUP BY state"))
    cells = source.report.totals.cells
    assert states == {
        "measured": cells.measured,
        "app_failed": cells.app_failed,
        "infra_failed": cells.infra_failed,
        "not_applicable": cells.not_applicable,
    }
    counted = dict(
        rows(
            parquet,
            "SELECT severity, count(*) FROM findings WHERE category = 'security' GROUP BY severity",
        )
    )
    (tally,) = [one for one in source.report.totals.findings if one.category == "security"]
    known = {severity: count for severity, count in (tally.by_severity or {}).items() if count}
    assert counted == known


def test_what_was_not_measured_is_null_and_never_zero(parquet: Path):
    sql = "SELECT DISTINCT findings, coverage_reached FROM cells WHERE state <> 'measured'"
    assert rows(parquet, sql) == [(None, None)]
    sql = "SELECT security_findings, security_high FROM apps WHERE runs = 'missing' AND reason LIKE"
    sql += " 'not run%'"
    assert rows(parquet, sql) == [(None, None)]


def test_the_figures_are_those_of_the_study(source: Source, parquet: Path):
    study = source.report.study
    assert study is not None
    for group in study.models:
        sql = f"SELECT measure, value, missing FROM figures WHERE model = '{group.model}'"
        sql += " AND scope = 'model'"
        told = {name: (value, missing) for name, value, missing in rows(parquet, sql)}
        assert told == {
            name: (figure.value, figure.missing) for name, figure in group.figures.items()
        }


def test_csv_and_parquet_have_the_same_columns_and_rows(
    source: Source, parquet: Path, tmp_path: Path
):
    write_forms(source, ("csv",), tmp_path)

    for table in TABLES:
        lines = list(csv.reader(io.StringIO((tmp_path / f"{table.name}.csv").read_text())))
        assert lines[0] == [column.name for column in table.columns]
        ((count,),) = rows(parquet, f"SELECT count(*) FROM {table.name}")
        assert len(lines) - 1 == count


def test_rows_are_as_the_published_schema_says(source: Source):
    from control.form_artifacts import rows_of
    from reports.tables.schema import OneApp

    schema = SCHEMAS["tables"]()
    summaries = {app.ref: app for app in source.report.apps}
    seen = set[str]()
    for app in source.apps():
        for name, row in rows_of(OneApp(app, summaries[app.ref])):
            Draft202012Validator(schema | {"$ref": f"#/$defs/{name}"}).validate(row)
            seen.add(name)
    assert seen == set(schema["$defs"]) - {"figures"}


def test_documents_of_apps_are_as_the_published_schema_says(source: Source):
    validator = Draft202012Validator(SCHEMAS["app"]())
    for app in source.report.apps:
        document = read_app(source.data_dir, source.report, app.name)
        validator.validate(json.loads(document.model_dump_json()))


def archived(root: Path, members: dict[str, bytes]) -> ArtifactRef:
    """An archive in the artifact store below `root`."""
    import hashlib

    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    digest = hashlib.sha256(plain.getvalue()).hexdigest()
    ref = ArtifactRef(
        key=f"sha256/{digest[:2]}/{digest}",
        sha256=digest,
        size_bytes=len(plain.getvalue()),
        name="static.tar",
    )
    path = root / ref.key
    path.parent.mkdir(parents=True)
    path.write_bytes(zstandard.compress(plain.getvalue()))
    return ref


def test_bills_of_materials_come_out_of_the_archives(tmp_path: Path):
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "flask"}]}
    ref = archived(tmp_path / "artifacts", {"cyclonedx-bom/bom.json": json.dumps(bom).encode()})
    record = samples.fleet()
    cell = samples.cell(
        samples.HAIKU, 1, samples.STATIC, "cyclonedx-bom", attachments=("bom.json",), artifact=ref
    )
    record = record.model_copy(update={"cells": (*record.cells, cell)})
    source = report_in(tmp_path, record)
    write_forms(source, ("sbom",), tmp_path / "out")

    (document,) = (tmp_path / "out").glob("*.cdx.json")
    told = json.loads(document.read_text())
    assert told["components"] == [{"name": "flask"}]
    assert told["metadata"]["component"]["name"] == samples.HAIKU_1.label
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert index["documents"] == {samples.HAIKU_1.label: document.name}
    assert len(index["missing"]) == 3 and all(index["missing"].values())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b'{"bomFormat":"CycloneDX","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too"),
        (b'{"bomFormat":"CycloneDX","a":' + b"[" * 900 + b"]" * 900 + b"}", ""),
        (b'{"bomFormat":"CycloneDX","a":NaN}', "no JSON"),
        (b'{"bomFormat":"CycloneDX","a":' + b"9" * 5_000 + b"}", "no JSON"),
        (b'{"bomFormat":"CycloneDX","a":"\\ud800"}', ""),
        (b"\xff", "no JSON"),
        (b"[]", "no CycloneDX"),
    ],
    ids=["deep", "less deep", "nan", "large", "surrogate", "bytes", "other"],
)
def test_a_bill_of_materials_that_cannot_be_read_is_told(document: bytes, why: str):
    app = AppReport.model_construct(ref=samples.HAIKU_1, source_digest="")
    made, reason = named(document, app)

    assert (made is None) == bool(why)
    assert why in reason


@pytest.mark.parametrize("damage", ["cut", "other", "longer", "gone"])
def test_a_damaged_archive_is_told_and_never_read_as_whole(tmp_path: Path, damage: str):
    ref = archived(tmp_path, {"t/bom.json": b"x" * 100_000})
    path = tmp_path / ref.key
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "other":
            plain = zstandard.decompress(whole).replace(b"x" * 100, b"y" * 100, 1)
            path.write_bytes(zstandard.compress(plain))
        case "longer":
            path.write_bytes(zstandard.compress(zstandard.decompress(whole) + b"\0" * 10_240))
        case _:
            path.unlink()

    with pytest.raises(PlatformError) as refused:
        read_member(tmp_path, ref, "t/bom.json", 10**6)
    expected = ErrorCode.NOT_FOUND if damage == "gone" else ErrorCode.DATA_LOSS
    assert refused.value.code is expected


def test_a_member_that_is_too_large_or_a_link_is_not_read(tmp_path: Path):
    ref = archived(tmp_path, {"t/bom.json": b"x" * 1_000})

    with pytest.raises(PlatformError) as large:
        read_member(tmp_path, ref, "t/bom.json", 999)
    assert large.value.code is ErrorCode.FAILED_PRECONDITION
    with pytest.raises(PlatformError) as absent:
        read_member(tmp_path, ref, "../etc/passwd", 999)
    assert absent.value.code is ErrorCode.NOT_FOUND
