"""Completions for the shell. With a wrong setting or without a store there are none."""

import asyncio

from cli.errors import expected
from cli.installation import store_of
from settings import load_settings

_OFFERED = 50


def pipeline_ids() -> list[str]:
    """The latest pipelines of the store."""
    try:
        listed = asyncio.run(store_of(load_settings()).pipelines())
    except expected():
        return []
    return [pipeline.pipeline_id for pipeline in listed[:_OFFERED]]
