"""What a list of weaknesses cannot tell, in sentences: no list is a proven zero by itself."""

from collections.abc import Iterator

from control.findings import Findings


def unseen(document: Findings, write: str = "", anew: str = "") -> list[str]:
    """Each thing that could not be seen.

    Args:
        document: the list.
        write: how the report is written, for those who can do it; empty: it is not said.
        anew: how it is written once more.
    """
    return list(_unseen(document, write and f" ({write})", anew and f" ({anew})"))


def _unseen(document: Findings, write: str, anew: str) -> Iterator[str]:
    if document.unlisted_apps:
        yield (
            f"weaknesses of {document.unlisted_apps} apps are not listed yet: they are when the "
            f"report is written{write}"
        )
    if document.uncompared_apps:
        yield (
            f"weaknesses of {document.uncompared_apps} apps are not compared with the baseline "
            f"yet, so they are unknown: they are when the report is written{anew}"
        )
    if document.unsure_apps:
        yield (
            f"not known: who brought weaknesses of {document.unsure_apps} apps; the report tells "
            f"it{anew}, for tools that looked at the scaffold"
        )
    if document.unfinished_apps:
        yield f"{document.unfinished_apps} apps have not ended: more may come"
    asked = [look for look in document.looks if look.asked]
    if document.looks and not asked:
        yield "no tool of those that were asked looks for this: nothing is known of it"
    elif not any(look.measured for look in asked):
        yield "no tool that looks for this has measured an app: nothing is known of it"
    for lost in document.not_measured:
        apps = "1 app" if lost.cells == 1 else f"{lost.cells} apps"
        yield f"not known: {lost.tool} on {apps} ({lost.state})"
