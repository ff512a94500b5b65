"""What a program is at work on, for every record of its log: pipeline, app, subtask, attempt.

It is bound to the current task and its children. Nothing here loads a library.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from contract.ids import app_label, model_from_safe

_NOTHING: Mapping[str, str] = MappingProxyType({})
Mask = Callable[[str], str]
_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default=_NOTHING)
_masks: ContextVar[tuple[Mask, ...]] = ContextVar("masks", default=())
_WORKFLOW_PARTS = 4  # pipeline/ID/MODEL/appN, the guard's have one more


@contextmanager
def bound(**names: str) -> Generator[None]:
    """Records made inside the block have these fields, beside those that are bound already."""
    token = _bound.set({**_bound.get(), **{key: name for key, name in names.items() if name}})
    try:
        yield
    finally:
        _bound.reset(token)


@contextmanager
def masking(mask: Mask) -> Generator[None]:
    """Texts of records made inside the block pass `mask`, which knows what is secret there."""
    token = _masks.set((*_masks.get(), mask))
    try:
        yield
    finally:
        _masks.reset(token)


def fields() -> Mapping[str, str]:
    """What is bound here."""
    return _bound.get()


def masked(text: str) -> str:
    """`text` without the secrets of what is under way here."""
    for mask in _masks.get():
        text = mask(text)
    return text


def of_workflow(workflow_id: str) -> dict[str, str]:
    """Pipeline and app of a workflow; empty: it is of none.

    >>> of_workflow("pipeline/p1/openai%2Fgpt/app3/guard")
    {'pipeline': 'p1', 'app': 'openai/gpt/app3'}
    """
    parts = workflow_id.split("/")
    if parts[0] != "pipeline" or len(parts) < 2:
        return {}
    if len(parts) < _WORKFLOW_PARTS:
        return {"pipeline": parts[1]}
    return {"pipeline": parts[1], "app": app_label("/".join(parts[:_WORKFLOW_PARTS]))}


def of_subtask(subtask_id: str) -> dict[str, str]:
    """Pipeline, app and subtask by a subtask's ID; what is no such ID is only itself."""
    match subtask_id.split("/"):
        case [pipeline, model, app, _]:
            label = f"{model_from_safe(model)}/{app}"
            return {"pipeline": pipeline, "app": label, "subtask": subtask_id}
        case _:
            return {"subtask": subtask_id}
