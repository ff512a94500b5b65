"""What a downgrade loses is told for each schema that it can leave."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_losses_has_every_schema_but_the_first():
    versions = sorted(path.name[:4] for path in (ROOT / "store/migrations/versions").glob("0*.py"))

    told = re.findall(r"^\| (\d{4}) \| .+ \|$", (ROOT / "docs/backup.md").read_text(), re.MULTILINE)

    assert told == versions[:0:-1]
