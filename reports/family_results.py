"""What a report says of weaknesses that several apps share."""

from contract.analysis import Severity
from contract.base import Frozen


class BugFamily(Frozen):
    """One weakness that apps of a fleet share.

    Attributes:
        key: names it across pipelines.
        family: family of weaknesses (`sql-injection`, `cwe-1188`), or the rule.
        shape: digest of the code at fault; empty: the rule is what they share.
        rule, message, cwe: of the example.
        severity: the gravest of its weaknesses.
        count: weaknesses of this family.
        apps: labels of the apps that have it, in order; at most 1,000.
        apps_total: how many apps have it.
        models: how many of these apps each model wrote, the most first.
        scaffold: how many of its weaknesses the scaffold brought.
        suppressed: how many of them need no action.
        example: label of the app that `where` and `excerpt` are from.
        where: place of the example, `path:line` or `METHOD /path`.
        excerpt: its code, at most 400 characters; hostile text.
    """

    key: str
    family: str
    shape: str = ""
    rule: str = ""
    message: str = ""
    cwe: tuple[int, ...] = ()
    severity: Severity
    count: int
    apps: tuple[str, ...]
    apps_total: int
    models: dict[str, int]
    scaffold: int = 0
    suppressed: int = 0
    example: str = ""
    where: str = ""
    excerpt: str = ""


class Families(Frozen):
    """The bug families among the weaknesses of a fleet's own apps (not its controls).

    Attributes:
        families: those that at least two apps share, in the most apps first; at most 500.
        shared: how many there are.
        weaknesses: how many weaknesses belong to them, out of `of`.
        not_followed: weaknesses that nothing was compared with: too many kinds of them.
    """

    families: tuple[BugFamily, ...] = ()
    shared: int = 0
    weaknesses: int = 0
    of: int = 0
    not_followed: int = 0
