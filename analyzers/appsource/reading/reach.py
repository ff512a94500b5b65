"""Which lines run for a route: those of its handler, and of functions that it calls."""

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from analyzers.appsource.reading.js_project import JsProject
from analyzers.appsource.reading.js_values import FUNCTIONS, JsDefined, walk
from analyzers.appsource.reading.links import Budget, Span, TooMuch
from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.values import Defined, Function, calls_within

MAX_FUNCTIONS = 20
MAX_CALLS_DEEP = 3
_STEPS = 2_000_000  # the cost of following an app's calls, in addition to its routes
_TIME_S = 4.0
_DEPENDENCIES = frozenset({"Depends", "Security"})  # FastAPI calls what they name


@dataclass(frozen=True, slots=True)
class PythonCode:
    """A function of a Python project."""

    project: Project
    defined: Defined

    @property
    def span(self) -> Span:
        """Its file, first and last line, decorators included."""
        node = self.defined.node
        first = min(part.lineno for part in (node, *node.decorator_list))
        return self.defined.scope.module.file, first, node.end_lineno or node.lineno

    @property
    def line(self) -> int:
        """The line of its name."""
        return self.defined.node.lineno

    def called(self) -> Iterator["PythonCode"]:
        """Functions of the app that it calls or is wrapped in, as far as names show them."""
        node, outside = self.defined.node, self.defined.scope
        wrappers = [getattr(decorator, "func", decorator) for decorator in node.decorator_list]
        values = [self.project.value(wrapper, outside) for wrapper in wrappers]
        for call in calls_within(node):
            own = self._own(call.func)
            values.append(own or self.project.value(call.func, self.defined.inside))
            if _name(call.func) in _DEPENDENCIES and call.args:
                values.append(self.project.value(call.args[0], outside))
        for value in values:
            if isinstance(value, Defined) and isinstance(value.node, Function):
                yield replace(self, defined=value)

    def _own(self, func: ast.expr) -> Defined | None:
        """`self.method`."""
        scope = self.defined.scope
        match func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if scope.kind == "class":
                for bound in scope.names.get(name, ()):
                    if isinstance(bound.node, Function):
                        return Defined(bound.node, bound.scope or scope)
            case _:
                pass
        return None


@dataclass(frozen=True, slots=True)
class JsCode:
    """A function of a JavaScript project.

    Attributes:
        first: the beginning of its registration, before it.
        before: handlers that run before it.
    """

    project: JsProject
    defined: JsDefined
    first: int | None = None
    before: tuple[JsDefined, ...] = ()

    @property
    def span(self) -> Span:
        """Its file, first and last line."""
        module = self.defined.scope.module
        first, last = module.lines_of(self.defined.node)
        return module.file, self.first or first, last

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.span[1]

    def called(self) -> Iterator["JsCode"]:
        """Functions of the app that it calls or that run before it, as far as names show them."""
        yield from (JsCode(self.project, function) for function in self.before)
        for node in walk(self.defined.node):
            if str(node.get("type")).endswith("CallExpression"):
                callee = self.project.value(node.get("callee"), self.defined.inside)
                value = self.project.whole(callee)
                if isinstance(value, JsDefined) and value.node.get("type") in FUNCTIONS:
                    yield JsCode(self.project, value)


Code = PythonCode | JsCode


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")


class Reach:
    """Follows calls, for all routes of an app within one small budget of time and steps."""

    def __init__(self, budget: Budget):
        self._budget = budget
        self._limited = False
        self._known: dict[Span, list[Span]] = {}

    def of(self, code: Code) -> list[Span]:
        """The handler's own lines, then those of its callees; slow parts are left out."""
        own = code.span
        if own not in self._known:
            self._known[own] = self._follow(code)
        return self._known[own]

    def _follow(self, code: Code) -> list[Span]:
        if not self._limited:
            self._limited = True
            self._budget.narrow(_STEPS, _TIME_S)
        found = {code.span: None}
        pending = deque([(code, 0)])
        try:
            while pending and len(found) < MAX_FUNCTIONS:
                current, depth = pending.popleft()
                for inner in current.called() if depth < MAX_CALLS_DEEP else ():
                    if inner.span not in found and len(found) < MAX_FUNCTIONS:
                        found[inner.span] = None
                        pending.append((inner, depth + 1))
        except (TooMuch, RecursionError):
            pass
        return list(found)
