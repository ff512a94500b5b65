"""What the shell offers for an argument; a wrong setting or no store offers nothing."""

import asyncio

from cli.errors import expected
from control.listing import stored_pipelines
from settings import load_settings

_OFFERED = 50


def pipeline_ids() -> list[str]:
    """The latest pipelines of the store."""
    try:
        listed = asyncio.run(stored_pipelines(load_settings()))
    except expected():
        return []
    return [one.pipeline_id for one in listed[:_OFFERED]]
