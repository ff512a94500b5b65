"""The inputs of a Python handler: parameters of a request that it reads, models that it gets."""

import ast
import re
from dataclasses import dataclass, field

from analyzers.appsource.reading.access import (
    access,
    bodies_of,
    keyed_access,
    owner_text,
    place_of,
    text_of,
)
from analyzers.appsource.reading.models import (
    MAX_INPUTS,
    argument_inputs,
    arguments_of,
    fields_of_call,
)
from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.values import Defined, Function

_BODY = re.compile(
    r"\b(request|req|self\.request|ctx\.request)\.(get_json|get_data|json\b|form\b|data\b|body\b|"
    r"files\b|FILES\b|POST\b|post\(|read\(|stream\(|media\b|body_iterator|forms\b|get_media)|\bself\.rfile\.read|\b(ns|api|namespace)\.payload\b"
)
_WHOLE_QUERY = re.compile(
    r"\b(request|req|self\.request)\.(args|query_params|GET|query|rel_url\.query)"
    r"(\.(items|to_dict|dict|keys|values|lists|urlencode|multi_items)\(|\)|\s*$|\s*[,}])|"
    r"\brequest\.query_string\b|\bparse_qsl?\(",
    re.MULTILINE,
)
_FOLLOWED = 3


def inputs_of(project: Project, function: Defined, method: str) -> tuple[dict[str, str], str]:
    """Name -> place of a function's inputs, with functions that it calls; and why not all."""
    taken = Taken()
    _read(project, function, method, taken, 0, {})
    places, wanted = taken.places, set(taken.unnamed)
    if method in {"GET", "HEAD", "DELETE", "OPTIONS"}:
        places = {name: at for name, at in places.items() if at in {"query", "path"}}
        wanted -= {"body"}
    if any(place in {"json", "form", "file"} for place in places.values()):
        wanted -= {"body"}
    if "query" in places.values():
        wanted -= {"query"}
    wanted_places = " and a ".join(sorted(wanted))
    return places, f"it reads a {wanted_places} whose fields are not named" if wanted else ""


@dataclass(slots=True)
class Taken:
    """The inputs found so far.

    Attributes:
        unnamed: `body` and `query`, where they are read as a whole.
        keyed: parameters of the app's functions that hold the name of an input.
    """

    places: dict[str, str] = field(default_factory=dict)
    unnamed: set[str] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    keyed: dict[int, dict[str, str]] = field(default_factory=dict)


def _read(
    project: Project,
    function: Defined,
    method: str,
    taken: Taken,
    depth: int,
    given: dict[str, str],
) -> None:
    """`given`: parameters that stand for a part of the request, each with its place."""
    node = function.node
    if id(node) in taken.seen:
        return
    taken.seen.add(id(node))
    bodies = {**given, **bodies_of(node)}
    own = (
        {parameter.arg for parameter, _ in arguments_of(node)}
        if isinstance(node, Function)
        else set[str]()
    )
    for item in ast.walk(node):
        _taken(taken, *access(item, bodies))
        name, place = keyed_access(item, bodies)
        if name in own:
            taken.keyed.setdefault(id(node), {})[name] = place
        if isinstance(item, ast.Call):
            _called(project, item, function, method, taken, depth)
    if isinstance(node, Function) and depth == 0:
        for argument, default in arguments_of(node):
            for name, place in argument_inputs(project, argument, default, function.scope, method):
                _taken(taken, name, place)
    text = ast.unparse(node)
    taken.unnamed |= {"body"} if _BODY.search(text) else set()
    taken.unnamed |= {"query"} if _WHOLE_QUERY.search(text) else set()


def _taken(taken: Taken, name: str, place: str) -> None:
    if name and place and len(taken.places) < MAX_INPUTS:
        taken.places.setdefault(name, place)


def _called(
    project: Project, call: ast.Call, caller: Defined, method: str, taken: Taken, depth: int
) -> None:
    """The inputs of a call: fields of a form, and inputs that a function of the app reads.

    Names given to such a function are names of inputs.
    """
    for name, place in fields_of_call(project, call, caller.inside).items():
        _taken(taken, name, place)
    if depth >= _FOLLOWED:
        return
    callee = project.value(call.func, caller.inside)
    if not isinstance(callee, Defined) or not isinstance(callee.node, Function):
        return
    parameters = [arg.arg for arg, _ in arguments_of(callee.node)]
    given = dict(zip(parameters, call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    parts = {name: place for name, node in given.items() if (place := place_of(owner_text(node)))}
    _read(project, callee, method, taken, depth + 1, parts)
    for parameter, place in taken.keyed.get(id(callee.node), {}).items():
        node = given.get(parameter)
        _taken(taken, text_of(node), place)
        if isinstance(node, ast.Name):  # passed on under another name
            taken.keyed.setdefault(id(caller.node), {})[node.id] = place
