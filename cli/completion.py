"""What the shell offers for an argument; a wrong setting or no store offers nothing."""

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
