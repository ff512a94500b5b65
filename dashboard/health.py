"""Whether the dashboard answers, for whoever supervises it; says nothing of the other parts."""

from contract.base import Frozen
from contract.doors import installation_mark
from dashboard.known import Here


class Health(Frozen):
    """What a supervisor asks for; anybody may.

    Attributes:
        program: always `assay-dashboard`.
        installation: mark of the data folder that it shows.
    """

    program: str = "assay-dashboard"
    installation: str


async def health(site: Here) -> Health:
    """That this dashboard answers."""
    return Health(installation=installation_mark(str(site.data_dir)))
