"""The identity of a finding across runs, as SARIF 2.1.0 wants it."""

import hashlib
import re


def fingerprint(identity: str, place: str, snippet: str = "") -> str:
    """Identity of a finding across runs: never depends on a line number (SARIF 2.1.0, 3.27.16).

    `identity` is the weakness (`CWE-89`, or the rule where no CWE is known), `place` the path or
    operation, `snippet` the code; blanks in it do not count, so that reformatting changes nothing.
    """
    parts = (identity, place, re.sub(r"\s+", "", snippet))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
