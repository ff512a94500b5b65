"""The names by which Temporal knows activities, and what workflows listen to."""

from collections.abc import Callable
from importlib import import_module
from inspect import get_annotations, isfunction
from pkgutil import iter_modules
from typing import Any

from temporalio import activity, workflow

import activities
from activities import Activities


def name_of(one: Callable[..., Any]) -> str:
    """The registered name of an activity."""
    return activity._Definition.must_from_callable(one).name or ""


def activity_classes() -> list[type]:
    """Every class of `activities/` that has activities."""
    modules = [import_module(f"activities.{m.name}") for m in iter_modules(activities.__path__)]
    return [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and found.__module__ == module.__name__ and _defined(found)
    ]


def defined(class_: type) -> set[str]:
    """Names of the activities of a class."""
    return {name_of(method) for method in _defined(class_)}


def offered(class_: type) -> set[str]:
    """Names of the activities that a class lists for workers, whatever the queue."""
    bare = object.__new__(class_)
    functions = [value for value in vars(class_).values() if isfunction(value)]
    lists = [one for one in functions if get_annotations(one).get("return") == Activities]
    return {name_of(one) for make in lists for one in make(bare)}


def listened_to(workflow_class: type) -> dict[str, list[str]]:
    """Names of the signals, updates and queries of a workflow; `name` is its own."""
    definition = workflow._Definition.must_from_class(workflow_class)
    found = {
        "name": [definition.name],
        "signals": definition.signals,
        "updates": definition.updates,
        "queries": definition.queries,
    }
    return {what: sorted(str(name) for name in names) for what, names in found.items()}


def _defined(class_: type) -> list[Callable[..., Any]]:
    methods = [value for value in vars(class_).values() if isfunction(value)]
    return [one for one in methods if activity._Definition.from_callable(one) is not None]
