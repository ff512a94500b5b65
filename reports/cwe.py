"""What weaknesses are, by their Common Weakness Enumeration number, in MITRE's words."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "cwe.json"
_ALIAS = re.compile(r"\('([^']+)'\)$")


@dataclass(frozen=True, slots=True)
class Weakness:
    """One weakness; texts are empty where MITRE has none.

    Attributes:
        title: `Improper Neutralization of ... in an SQL Command ('SQL Injection')`.
        description: what it is.
        mitigation: the first way to prevent it.
    """

    number: int
    title: str
    description: str
    mitigation: str

    @property
    def name(self) -> str:
        """What people call it: `SQL Injection`."""
        alias = _ALIAS.search(self.title)
        return alias[1] if alias else self.title

    @property
    def page(self) -> str:
        """Where MITRE describes it."""
        return f"https://cwe.mitre.org/data/definitions/{self.number}.html"


def weakness(number: int) -> Weakness | None:
    """The weakness of this number; None where MITRE lists none (any more)."""
    texts = _texts().get(str(number))
    return Weakness(number, *texts) if texts else None


@lru_cache(maxsize=1)
def _texts() -> dict[str, list[str]]:
    return json.loads(_FILE.read_text(encoding="utf-8"))["weaknesses"]
