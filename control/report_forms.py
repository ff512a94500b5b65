"""Which forms of a pipeline's report are written, and whether they are of the report that is."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from control.form_files import FormFiles, files_of
from control.forms import AS_WRITTEN, FORMS
from control.report_documents import MEANINGS, FormState, ReportForm, ReportForms, Writing
from control.stored import Stored
from control.written import Written, written_of


async def forms_of(
    stored: Stored, data_dir: Path, pipeline_id: str, writing: Writing | None = None
) -> ReportForms:
    """The forms of its report as they lie in the data folder.

    Args:
        stored: the store.
        data_dir: with the reports.
        pipeline_id: of which pipeline.
        writing: what is known of its being written now.

    Raises:
        NotStoredError: neither the store nor any report knows the pipeline.
        PlatformError: the store or the folder cannot be read.
    """
    written = await written_of(stored, data_dir, pipeline_id)
    figures = written.figures
    return ReportForms(
        pipeline_id=pipeline_id,
        as_of=figures.generated_at if figures else None,
        stale=written.stale,
        problem=written.problem,
        problem_next_step=written.problem_next_step,
        ended=written.ended,
        forms=await asyncio.to_thread(_forms, data_dir, written),
        writing=writing,
    )


def _forms(data_dir: Path, written: Written) -> tuple[ReportForm, ...]:
    return tuple(_form(data_dir, written, form) for form in FORMS)


def _form(data_dir: Path, written: Written, form: str) -> ReportForm:
    files = files_of(data_dir, written.pipeline_id, form)
    at = datetime.fromtimestamp(files.newest, UTC) if files.names else None
    state, problem = _state(written, form, files, at)
    return ReportForm(
        form=form,
        meaning=MEANINGS.get(form, ""),
        state=state,
        with_report=form in AS_WRITTEN,
        files=len(files.names),
        first=next(iter(files.names), ""),
        size_bytes=files.size_bytes,
        written_at=at,
        problem=problem,
    )


def _state(
    written: Written, form: str, files: FormFiles, at: datetime | None
) -> tuple[FormState, str]:
    figures = written.figures
    if at is None:
        return FormState.MISSING, ""
    if figures is None:
        return FormState.INCOMPLETE, "there is no report that it could be compared with"
    if form not in AS_WRITTEN:
        if at < figures.generated_at:
            return FormState.OLDER, "it was written from an earlier report"
        return FormState.WRITTEN, ""
    if form == "json":
        named = {f"apps/{app.name}.json" for app in (*figures.apps, *figures.others)}
        if missing := named.difference(files.names):
            problem = f"documents of {len(missing):,} of {len(named):,} apps are gone"
            return FormState.INCOMPLETE, problem
    return FormState.WRITTEN, ""
