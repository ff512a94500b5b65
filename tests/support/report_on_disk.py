"""Writes a report of a record in memory to a data folder, as a worker leaves it."""

from pathlib import Path

from contract.record import PipelineRecord
from tests.support.whole_report import files_of, whole
from tests.unit.report_samples import NOW


def write_report(data_dir: Path, record: PipelineRecord) -> str:
    """Write the report of `record`; ID of its pipeline."""
    folder = data_dir / "reports" / record.pipeline_id
    for name, content in files_of(whole(record, NOW)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return record.pipeline_id
