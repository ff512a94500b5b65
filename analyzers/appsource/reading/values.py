"""The values of names in a Python project, across its files, without running any of it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 25
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Scope:
    """Names of a module, a class or a function.

    Attributes:
        names: expressions, definitions, imports or parameters bound to a name, in order.
        stars: modules from which all names were imported.
    """

    module: "Module"
    name: str = ""
    parent: "Scope | None" = None
    kind: str = "module"
    names: "dict[str, list[Bound]]" = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    inner: "dict[int, Scope]" = field(default_factory=dict)

    def bind(self, name: str, bound: "Bound") -> None:
        """Add one more meaning of `name`."""
        self.names.setdefault(name, []).append(bound)


@dataclass(frozen=True, slots=True)
class Bound:
    """One meaning of a name: an expression, a definition, an import or a parameter."""

    kind: str
    node: ast.AST | None = None
    scope: Scope | None = None
    text: str = ""


@dataclass(slots=True)
class Module:
    """One parsed file."""

    file: str
    tree: ast.Module
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        self.scope = Scope(self)
        _Names(self.scope).body(self.tree.body)


@dataclass(frozen=True, slots=True)
class Outside:
    """Something of a package that is not the app's: `flask.Flask`."""

    name: str


@dataclass(frozen=True, slots=True)
class Package:
    """A module of the app, by dotted name as seen from `importer`."""

    dotted: str
    importer: str


@dataclass(frozen=True, slots=True)
class Made:
    """The object made by calling an outside name, or a class derived from one."""

    name: str
    call: ast.Call
    scope: Scope
    cls: "Defined | None" = None

    @property
    def key(self) -> str:
        """The place where it is made identifies it."""
        return f"{self.scope.module.file}:{self.call.lineno}:{self.call.col_offset}"


@dataclass(frozen=True, slots=True)
class Defined:
    """A function or class of the app."""

    node: Definition
    scope: Scope

    @property
    def inside(self) -> Scope:
        """The scope of its inner names."""
        return self.scope.inner.get(id(self.node), self.scope)


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter of a function of the app: only its callers know its value."""

    scope: Scope
    name: str

    @property
    def key(self) -> str:
        """File, function and name."""
        return f"{self.scope.module.file}:{self.scope.name}:{self.name}"


@dataclass(frozen=True, slots=True)
class Listed:
    """The elements of a list, each an expression and the scope to read it in."""

    items: tuple[tuple[ast.expr, Scope], ...]


Value = str | Outside | Package | Made | Defined | Given | Listed | None


class _Names:
    """Binds the names in the statements of one scope; functions and classes get their own."""

    def __init__(self, scope: Scope):
        self.scope = scope

    def body(self, statements: list[ast.stmt]) -> None:
        pending: list[ast.AST] = list(reversed(statements))
        while pending:
            node = pending.pop()
            if isinstance(node, Definition):
                self._definition(node)
                continue
            self._bind(node)
            if not isinstance(node, ast.expr):
                pending += reversed(list(ast.iter_child_nodes(node)))

    def _definition(self, node: Definition) -> None:
        self.scope.bind(node.name, Bound("def", node, self.scope))
        name = f"{self.scope.name}.{node.name}".lstrip(".")
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        inner = Scope(self.scope.module, name, self.scope, kind)
        self.scope.inner[id(node)] = inner
        if isinstance(node, Function):
            for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                inner.bind(parameter.arg, Bound("param", parameter, inner))
        _Names(inner).body(node.body)

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self.scope.bind(
                        name, Bound("import", text=alias.name if alias.asname else name)
                    )
            case ast.ImportFrom():
                self._from(node)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._target(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._target(target, value)
            case ast.AugAssign(target=target, value=value):
                self._more(target, value)
            case ast.Call(func=ast.Attribute() as func):
                self._appended(node, func)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self._target(target, value)
            case _:
                return

    def _from(self, node: ast.ImportFrom) -> None:
        base = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.scope.stars.append(base)
            else:
                self.scope.bind(
                    alias.asname or alias.name, Bound("from", text=f"{base}|{alias.name}")
                )

    def _appended(self, node: ast.Call, func: ast.Attribute) -> None:
        if func.attr == "append" and len(node.args) == 1:
            self._more(func.value, ast.List(elts=[node.args[0]], ctx=ast.Load()))
        elif func.attr == "extend" and len(node.args) == 1:
            self._more(func.value, node.args[0])

    def _more(self, target: ast.expr, value: ast.expr) -> None:
        """Elements that are added to a list later; `urlpatterns += ...` is one more table."""
        if isinstance(target, ast.Name):
            self.scope.bind(target.id, Bound("more", value, self.scope))

    def _target(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.scope.bind(target.id, Bound("expr", value, self.scope))
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = self.scope
            if target.value.id == "self" and owner.parent and owner.parent.kind == "class":
                owner = owner.parent
            owner.bind(f"{target.value.id}.{target.attr}", Bound("expr", value, self.scope))
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for target_node, element in zip(target.elts, value.elts, strict=False):
                self._target(target_node, element)


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """Named arguments of a call."""
    return {word.arg: word.value for word in call.keywords if word.arg}


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    """An argument by name, else by position."""
    named = keywords(call)
    for name in names:
        if name in named:
            return named[name]
    plain = call.args[position : position + 1]
    return (
        plain[0] if plain and not any(isinstance(arg, ast.Starred) for arg in call.args) else None
    )


def calls_within(node: ast.AST) -> Iterator[ast.Call]:
    """Every call below a node."""
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))
