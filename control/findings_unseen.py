"""What a list of weaknesses cannot tell, in sentences: no list is a proven zero by itself."""

from collections.abc import Iterator

from contract.record import FINISHED_STATES
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
    yield from _unfinished(document)
    asked = [look for look in document.looks if look.asked]
    if document.looks and not asked:
        yield "no tool of those that were asked looks for this: nothing is known of it"
    elif not any(look.measured for look in asked):
        yield "no tool that looks for this has measured an app: nothing is known of it"
    if waiting := [f"{look.tool} at {_apps(look.not_begun)}" for look in asked if look.not_begun]:
        yield f"not looked at yet: {', '.join(waiting)}"
    if partial := [f"{look.tool} at {_apps(look.partial)}" for look in asked if look.partial]:
        where = ", ".join(partial)
        yield f"only a part was looked at: {where}; the page of an app says what was left out"
    for lost in document.not_measured:
        yield f"not known: {lost.tool} on {_apps(lost.cells)} ({lost.state})"


def _unfinished(document: Findings) -> Iterator[str]:
    number = document.unfinished_apps
    if number and document.pipeline_state in FINISHED_STATES:
        yield (
            f"{_apps(number)} did not end before the pipeline did "
            f"({document.pipeline_state}): nothing more comes"
        )
    elif number:
        yield (
            f"{_apps(number)} {'has' if number == 1 else 'have'} not ended, and weaknesses of an "
            f"app are listed when it ends: of {document.found_apps or 'none'} of them tools have "
            "found something already"
        )


def _apps(number: int) -> str:
    return "1 app" if number == 1 else f"{number} apps"
