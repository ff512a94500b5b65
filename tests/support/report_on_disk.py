"""A written report on disk, as the worker leaves it, of a record in memory."""

from pathlib import Path

from contract.record import PipelineRecord
from reports.study.build import study_of
from tests.support.whole_report import files_of, whole
from tests.unit.report_samples import NOW


def write_report(data_dir: Path, record: PipelineRecord) -> str:
    """Write the report of `record`; ID of its pipeline."""
    made = whole(record, NOW)
    folder = data_dir / "reports" / record.pipeline_id
    for name, content in files_of(made).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if made.fleet.study is None:
        study = study_of([*made.fleet.apps, *made.fleet.others])
        report = made.fleet.model_copy(update={"study": study})
        (folder / "report.json").write_text(report.model_dump_json())
    return record.pipeline_id
