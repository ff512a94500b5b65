"""The handler of a route: its function or class, its methods, guards and inputs."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzers.appsource.reading.effects import python_writes
from analyzers.appsource.reading.frameworks import METHODS
from analyzers.appsource.reading.inputs import inputs_of
from analyzers.appsource.reading.project import Project
from analyzers.appsource.reading.reach import PythonCode
from analyzers.appsource.reading.values import Defined, Function, Made, Outside, Scope

AUTH = re.compile(
    r"(login|auth|authentication|jwt|token|user|admin|permission|role|session)s?_?required|"
    r"require(s|d)?_?(auth|login|user|token|jwt|admin|role)|login_?only|"
    r"\b(is_?|ensure_?)?(logged_?in|authenticated?)\b|authenticate_?token|auth_?guard|"
    r"verify_?(token|jwt|auth|user)|auth_?middleware|check_?auth|protect(ed)?\b|"
    r"get_current_(active_)?user|current_user\b|IsAuthenticated|IsAdmin|LoginRequired|"
    r"UserPassesTest|PermissionRequired",
    re.IGNORECASE,
)
GRAPHQL_INPUTS = {"query": "json", "variables": "json"}
_UNWRAPPED = 5


@dataclass(slots=True)
class Handler:
    """A handler. `graphql`: a view of a GraphQL library."""

    defined: Defined | None = None
    guards: Sequence[ast.expr] = ()
    graphql: bool = False
    label: str = ""

    @property
    def node(self) -> ast.AST | None:
        """Its definition."""
        return self.defined.node if self.defined else None

    @property
    def file(self) -> str:
        """The file it is defined in."""
        return self.defined.scope.module.file if self.defined else ""

    @property
    def name(self) -> str:
        """Its name in the source."""
        return self.defined.node.name if self.defined else self.label


@dataclass(slots=True)
class Read:
    """What one method of a handler takes and does.

    Attributes:
        inputs: name -> place.
        opaque: why not all its inputs are known; empty where they are.
        writes: the change of state in its body; empty where there is none.
        code: the function that was read; None: none.
    """

    inputs: dict[str, str] = field(default_factory=dict)
    auth: bool | None = None
    opaque: str = ""
    writes: str = ""
    kind: str = "http"
    code: PythonCode | None = None


class Handlers:
    """Reads handlers of one project."""

    def __init__(self, project: Project):
        self.project = project
        self._bodies: dict[tuple[int, str], tuple[dict[str, str], str, str, bool]] = {}

    def of(self, node: ast.expr | None, scope: Scope) -> Handler:
        """The handler an expression names; calls around it (`login_required(view)`) are guards."""
        guards: list[ast.expr] = []
        for _ in range(_UNWRAPPED):
            value = self.project.value(node, scope) if node is not None else None
            if isinstance(value, Defined):
                own = list(getattr(value.node, "decorator_list", ()))
                return Handler(value, [*guards, *own])
            if isinstance(value, Made | Outside):
                last = value.name.rpartition(".")[2]
                if "graphql" in value.name.lower() or last in {"GraphQLView", "GraphQL"}:
                    return Handler(graphql=True, label=last)
            if isinstance(value, Made) and value.cls is not None:
                return Handler(value.cls, guards)
            if not isinstance(node, ast.Call):
                break
            if isinstance(node.func, ast.Attribute) and node.func.attr == "as_view":
                node = node.func.value
                continue
            guards.append(node.func)
            node = node.args[0] if node.args else None
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (found := self._method(node, scope))
        ):
            return found
        return Handler(guards=guards, label=ast.unparse(node)[:80] if node is not None else "")

    def _method(self, node: ast.Attribute, scope: Scope) -> Handler | None:
        """`self.handler` and `Controller().handler`."""
        inner: Scope | None = scope
        while inner is not None:
            for bound in inner.names.get(node.attr, ()) if inner.kind == "class" else ():
                if isinstance(bound.node, Function):
                    return Handler(Defined(bound.node, bound.scope or inner))
            inner = inner.parent
        value = self.project.value(node.value, scope)  # type: ignore[attr-defined]
        cls = value.cls if isinstance(value, Made) else value
        if isinstance(cls, Defined) and isinstance(cls.node, ast.ClassDef):
            found = self.project.methods(cls).get(node.attr)
            return Handler(found) if found else None
        return None

    def class_methods(self, handler: Handler) -> tuple[str, ...]:
        """HTTP methods that a class answers (`get`, `on_get`); none for a function."""
        if handler.graphql:
            return ("GET", "POST")
        if handler.defined is None or not isinstance(handler.defined.node, ast.ClassDef):
            return ()
        named = self.project.methods(handler.defined)
        found = [method for method in METHODS if method in named or f"on_{method}" in named]
        return tuple(method.upper() for method in found)

    def read(self, handler: Handler, method: str) -> Read:
        """The inputs and effects of the handler when called with `method`."""
        if handler.graphql:
            takes = {"query": "query"} if method == "GET" else dict(GRAPHQL_INPUTS)
            return Read(takes, kind="graphql")
        if handler.defined is None:
            return Read(opaque=f"its handler {handler.label or '?'} cannot be read")
        defined, guards = handler.defined, list(handler.guards)
        if isinstance(defined.node, ast.ClassDef):
            guards += _class_guards(defined)
            named = self.project.methods(defined)
            verb = method.lower()
            inner = named.get(verb) or named.get(f"on_{verb}")
            if inner is None:
                return Read(auth=_guarded(guards), opaque=f"no {verb} in {handler.name} was found")
            defined = inner
            guards += getattr(inner.node, "decorator_list", ())
        inputs, opaque, writes, graphql = self._body(defined, method)
        auth = _guarded([*guards, *_defaults(defined.node)])
        if graphql:
            inputs = {**GRAPHQL_INPUTS, **inputs}
        kind = "graphql" if graphql else "http"
        code = PythonCode(self.project, defined) if isinstance(defined.node, Function) else None
        return Read(dict(inputs), auth, opaque, writes, kind, code)

    def _body(self, function: Defined, method: str) -> tuple[dict[str, str], str, str, bool]:
        """The facts in a function's body; read once, however many routes lead to it."""
        mark = (id(function.node), method)
        if mark not in self._bodies:
            self.project.budget.spend(sum(1 for _ in ast.walk(function.node)))
            inputs, opaque = inputs_of(self.project, function, method)
            writes = python_writes(function.node, method)
            self._bodies[mark] = inputs, opaque, writes, _executes_graphql(function.node)
        return self._bodies[mark]


def _class_guards(cls: Defined) -> list[ast.expr]:
    node = cls.node
    found: list[ast.expr] = [*getattr(node, "bases", ())]
    for item in node.body:
        if isinstance(item, ast.Assign) and any(
            isinstance(target, ast.Name)
            and target.id in {"decorators", "method_decorators", "permission_classes"}
            for target in item.targets
        ):
            found.append(item.value)
    return found


def _defaults(node: ast.AST) -> list[ast.expr]:
    """`user = Depends(get_current_user)` and `Annotated[User, Depends(...)]`."""
    if not isinstance(node, Function):
        return []
    given = [
        *node.args.defaults,
        *(default for default in node.args.kw_defaults if default is not None),
    ]
    given += [arg.annotation for arg in node.args.args if arg.annotation is not None]
    return [
        dependency
        for dependency in given
        if re.search(r"\b(Depends|Security)\(|CurrentUser", ast.unparse(dependency))
    ]


def _guarded(guards: Sequence[ast.expr]) -> bool | None:
    return True if any(AUTH.search(ast.unparse(guard)) for guard in guards) else None


def _executes_graphql(node: ast.AST) -> bool:
    names = {"graphql_sync", "graphql", "execute_sync"}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            text = ast.unparse(inner.func)
            if text.rpartition(".")[2] in names or text.endswith("schema.execute"):
                return True
    return False
