"""LaTeX table of the flaws that apps share."""

from collections.abc import Iterator

from reports.family_results import BugFamily, Families
from reports.forms.texcode import TexTable, tex

_ROWS = 20


def family_tables(families: Families) -> Iterator[TexTable]:
    """The flaws that the most apps share; nothing where no two apps share one."""
    if not families.families:
        return
    yield TexTable(
        name="families",
        caption=_caption(families),
        columns="lp{0.42\\linewidth}lrrrr",
        head=("Severity", "Flaw", "CWE", "Apps", "Models", "Weaknesses", "Scaffold"),
        rows=tuple(_row(family) for family in families.families[:_ROWS]),
    )


def _caption(families: Families) -> str:
    shown = min(len(families.families), _ROWS)
    text = (
        f"The {shown:,} of {families.shared:,} shared flaws that the most apps have. "
        "A flaw is shared if weaknesses of one family and one shape of code, or of one rule, are "
        "in two apps or more; "
        f"{families.weaknesses:,} of {families.of:,} weaknesses belong to one. "
        "Scaffold: weaknesses that what the apps began as has brought."
    )
    if families.not_followed:
        text += f" {families.not_followed:,} weaknesses were compared with nothing."
    return tex(text, 1_000)


def _row(family: BugFamily) -> tuple[str, ...]:
    return (
        tex(family.severity),
        tex(f"{family.family}: {family.message or family.rule}"),
        tex(", ".join(map(str, family.cwe[:3])) or "none"),
        f"{family.apps_total:,}",
        f"{len(family.models):,}",
        f"{family.count:,}",
        f"{family.scaffold:,}",
    )
