"""Columns that all tables share: of which app a row is."""

from typing import Any

from reports.tables.schema import Column, OneApp

OF_APP = ("pipeline", "model", "app_number")


def of_app() -> tuple[Column[OneApp, Any], ...]:
    """The columns that name the app of a row, and join the tables."""
    return (
        Column("pipeline", "VARCHAR", "ID of the pipeline", lambda of, _: of.app.pipeline_id),
        Column("model", "VARCHAR", "who wrote the app", lambda of, _: of.app.ref.model),
        Column("app_number", "BIGINT", "number of the app", lambda of, _: of.app.ref.app_number),
        Column(
            "role",
            "VARCHAR",
            "why the app is in the pipeline: only a `subject` counts in figures of models",
            lambda of, _: of.app.role,
        ),
        Column("template", "VARCHAR", "what it was asked to be", lambda of, _: of.app.template),
    )
