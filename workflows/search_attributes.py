"""Typed search attributes; the worker makes those that the namespace lacks when it starts."""

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from contract.spec import AppSpec

PIPELINE = SearchAttributeKey.for_keyword("AssayPipeline")
MODEL = SearchAttributeKey.for_keyword("AssayModel")
TEMPLATE = SearchAttributeKey.for_keyword("AssayTemplate")
APP_NUMBER = SearchAttributeKey.for_int("AssayAppNumber")
STATE = SearchAttributeKey.for_keyword("AssayState")

ALL = (PIPELINE, MODEL, TEMPLATE, APP_NUMBER, STATE)


def names() -> dict[str, str]:
    """Name and type of each."""
    return {key.name: key.indexed_value_type.name for key in ALL}


def of_app(app: AppSpec) -> list[SearchAttributeUpdate]:
    """What one app's workflow can be found by."""
    template = [TEMPLATE.value_set(app.template.slug)] if app.template else []
    return [
        PIPELINE.value_set(app.pipeline_id),
        MODEL.value_set(app.ref.model),
        APP_NUMBER.value_set(app.ref.app_number),
        STATE.value_set("running"),
        *template,
    ]
