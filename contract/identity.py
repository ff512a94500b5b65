"""The identity of a finding across runs, tools and versions: one maker for all analyzers.

A fingerprint is made of what stays when people edit around a finding: the family of the weakness
(or the rule, where no CWE is known), the place (file and enclosing function, or operation and
parameter) and the code at fault in a normal form. Line numbers, messages, versions, CWE numbers of
one family and the tool are no part of it (SARIF 2.1.0, 3.27.16 and 3.27.17).

Fingerprints of the first version had whole lines of code in them. They are not comparable with
later ones, and a comparison that meets both says that it does not know.
"""

import hashlib
from collections.abc import Iterable

from contract.analysis import Finding

VERSION = 2
_MARK = f"v{VERSION}-"
_CHARS = 32


def fingerprint(*parts: str) -> str:
    """Identity of what these parts name: `v2-` and 128 bits as hexadecimal digits.

    >>> fingerprint("sql-injection", "app.py") == fingerprint("sql-injection", "app.py")
    True
    """
    return f"{_MARK}{digest(str(VERSION), *parts)}"


def digest(*parts: str) -> str:
    """128 bits that stand for these texts in this order, as hexadecimal digits."""
    text = "\0".join(parts).encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_CHARS]


def version_of(known: str) -> int:
    """The version of the recipe of a fingerprint; 0 for none. Those of other versions differ."""
    if not known:
        return 0
    return VERSION if known.startswith(_MARK) else 1


def joined_aliases(first: Finding, others: Iterable[Finding]) -> tuple[str, ...]:
    """Aliases of a finding that takes `others` in: every identity of theirs that is not its own."""
    names = [*first.aliases]
    for other in others:
        names += [other.fingerprint, *other.aliases]
    return tuple(dict.fromkeys(name for name in names if name and name != first.fingerprint))
