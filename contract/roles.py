"""Names of the apps that Assay adds to a fleet: control apps, scaffolds, repeats.

Their models begin with a word that no folder of a fleet may begin with, so none of them can be
taken for a model's app, or collide with one.
"""

import re
from collections.abc import Mapping

from contract.role import AppRole
from contract.spec import AppRef

RESERVED = "assay:"
# A fleet of that many apps has controls unless its spec says otherwise.
AUTO_FROM = 10
MOST_REPEATS = 20
"""A spec may ask for fewer only."""
_REPEAT = re.compile(rf"^{RESERVED}repeat-[1-9][0-9]*/(?P<model>.+)$", re.DOTALL)
# What a repeat's name adds to the model's, at most.
REPEAT_CHARS = len(f"{RESERVED}repeat-99/")


def is_reserved(model: str) -> bool:
    """Whether a fleet may not have a model of this name."""
    return model.casefold().startswith(RESERVED)


def control_ref(name: str, number: int) -> AppRef:
    """The control app `<name>/app<number>`."""
    return AppRef(model=f"{RESERVED}control/{name}", app_number=number)


def scaffold_ref(number: int) -> AppRef:
    """The scaffold of that number, counted from 1; its template is its app's template."""
    return AppRef(model=f"{RESERVED}scaffold", app_number=number)


def repeat_ref(of: AppRef, number: int) -> AppRef:
    """The repeat of that number, counted from 1, of the app `of`."""
    return AppRef(model=f"{RESERVED}repeat-{number}/{of.model}", app_number=of.app_number)


def repeated(ref: AppRef) -> AppRef | None:
    """The subject that `ref` repeats; None if it is no repeat.

    >>> repeated(repeat_ref(AppRef(model="openai/gpt-4.1", app_number=3), 2)).label
    'openai/gpt-4.1/app3'
    """
    found = _REPEAT.match(ref.model)
    return AppRef(model=found["model"], app_number=ref.app_number) if found else None


def is_repeat(model: str) -> bool:
    """Whether an app under this model repeats another one.

    >>> is_repeat("assay:repeat-2/gpt-4o"), is_repeat("gpt-4o")
    (True, False)
    """
    return _REPEAT.match(model) is not None


def with_repeats(model: str) -> list[str]:
    """The model's name, and those under which its apps are repeated."""
    return [model, *(f"{RESERVED}repeat-{number}/{model}" for number in range(1, MOST_REPEATS + 1))]


def short_label(ref: AppRef) -> str:
    """How people name a control app: `careless-1/app2`; others by their label."""
    return ref.label.removeprefix(f"{RESERVED}control/")


_NOUNS = {
    AppRole.SCAFFOLD: ("scaffold", "scaffolds"),
    AppRole.CONTROL: ("control app", "control apps"),
    AppRole.REPEAT: ("repeat", "repeats"),
}


def in_words(counts: Mapping[AppRole, int]) -> str:
    """How many apps there are beside the subjects; empty if there are none.

    >>> in_words({AppRole.SUBJECT: 12, AppRole.CONTROL: 4, AppRole.SCAFFOLD: 1})
    '1 scaffold, 4 control apps'
    """
    there = ((counts.get(role, 0), nouns) for role, nouns in _NOUNS.items())
    return ", ".join(f"{count} {nouns[count != 1]}" for count, nouns in there if count)
