"""A Python project as a whole: the file of an import, the value of an expression."""

import ast
from collections.abc import Iterator, Sequence

from analyzers.appsource.reading.links import MAX_TEXT_CHARS, Budget
from analyzers.appsource.reading.literals import Literals
from analyzers.appsource.reading.values import (
    MAX_DEPTH,
    Bound,
    Defined,
    Function,
    Given,
    Listed,
    Made,
    Module,
    Outside,
    Package,
    Scope,
    Value,
    argument,
)

MAX_ITEMS = 500
_ENVIRONMENT = {"getenv", "get", "config", "env", "str", "environ.get"}


class Project(Literals):
    """All parsed modules of an app."""

    def __init__(self, modules: dict[str, Module], budget: Budget):
        super().__init__(modules)
        self.budget = budget
        self._busy: set[tuple[int, int]] = set()
        self.loops: dict[tuple[int, str], tuple[ast.expr, Scope]] = {}
        """The current value of a loop's variable, by scope and name."""

    def imported(self, dotted: str, importer: str) -> Value:
        """The value of `import dotted`: a module of the app, or something outside."""
        if self.file_of(dotted, importer) or self.is_folder(dotted, importer):
            return Package(dotted, importer)
        return Outside(dotted.lstrip("."))

    def member(self, package: Package, name: str, depth: int = 0) -> Value:
        """`package.name`: the value in its file, else a module below it."""
        file = self.file_of(package.dotted, package.importer)
        if file is not None:
            found = self.named(self.modules[file].scope, name, depth + 1)
            if found is not None:
                return found
        dotted = package.dotted + ("" if package.dotted.endswith(".") else ".") + name
        if self.file_of(dotted, package.importer) or self.is_folder(dotted, package.importer):
            return Package(dotted, package.importer)
        return None

    # --- names -------------------------------------------------------------------------------

    def named(self, scope: Scope, name: str, depth: int = 0) -> Value:
        """The value of a name in a scope; None where it is unknown."""
        inner: Scope | None = scope
        while inner is not None and depth <= MAX_DEPTH:
            if inner.kind != "class" or inner is scope or "." in name:
                if (id(inner), name) in self.loops:
                    return self.value(*self.loops[id(inner), name], depth + 1)
                found = self._bound(inner, name, depth)
                if found is not None:
                    return found
            inner = inner.parent
        return None

    def _bound(self, scope: Scope, name: str, depth: int) -> Value:
        given: Value = None
        bounds = scope.names.get(name, ())
        for bound in bounds:
            value = self._meaning(scope, name, bound, depth)
            if isinstance(value, Given):
                given = value
            elif isinstance(value, Listed):
                return self._extended(value, scope, bounds, depth)
            elif value is not None:
                return value
        for base in scope.stars:
            found = self.member(Package(base, scope.module.file), name, depth + 1)
            if found is not None and not isinstance(found, Package):
                return found
        return given

    def _extended(self, found: Listed, scope: Scope, bounds: Sequence[Bound], depth: int) -> Listed:
        """A list with the elements added to it later; an unknown one stays an element."""
        items = list(found.items)
        for bound in bounds:
            if bound.kind == "more" and isinstance(bound.node, ast.expr):
                value = self.value(bound.node, bound.scope or scope, depth + 1)
                known = isinstance(value, Listed)
                more = value.items if isinstance(value, Listed) else ()
                items += more if known else [(bound.node, bound.scope or scope)]
        return Listed(tuple(items[:MAX_ITEMS]))

    def _meaning(self, scope: Scope, name: str, bound: Bound, depth: int) -> Value:
        importer = scope.module.file
        if bound.kind == "import":
            return self.imported(bound.text, importer)
        if bound.kind == "from":
            base, _, attribute = bound.text.partition("|")
            owner = self.imported(base, importer)
            if isinstance(owner, Package):
                return self.member(owner, attribute, depth + 1)
            return Outside(f"{base}.{attribute}")
        if bound.kind == "param":
            return Given(scope, name)
        if bound.kind == "more":
            return None
        if isinstance(bound.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return Defined(bound.node, bound.scope or scope)
        return self.value(bound.node, bound.scope or scope, depth + 1)

    # --- expressions -------------------------------------------------------------------------

    def value(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> Value:
        """The value of an expression; None where it is known only at run time."""
        mark = (id(node), id(scope))
        if node is None or depth > MAX_DEPTH or mark in self._busy:
            return None
        self.budget.spend()
        self._busy.add(mark)
        try:
            found = self._value(node, scope, depth)
            return None if isinstance(found, str) and len(found) > MAX_TEXT_CHARS else found
        finally:
            self._busy.discard(mark)

    def _value(self, node: ast.AST, scope: Scope, depth: int) -> Value:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.named(scope, name, depth + 1)
            case ast.Attribute():
                return self._attribute(node, scope, depth)
            case ast.Call():
                return self._call(node, scope, depth)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return Listed(tuple(self._items(items, scope, depth)))
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.value(inner, scope, depth + 1)
            case _:
                return self.joined(node, scope, depth)

    def _items(
        self, nodes: list[ast.expr], scope: Scope, depth: int
    ) -> Iterator[tuple[ast.expr, Scope]]:
        for node in nodes[:MAX_ITEMS]:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value, scope, depth + 1)
                yield from inner.items if isinstance(inner, Listed) else ((node, scope),)
            else:
                yield node, scope

    def _attribute(self, node: ast.Attribute, scope: Scope, depth: int) -> Value:
        if isinstance(node.value, ast.Name):
            direct = self.named(scope, f"{node.value.id}.{node.attr}", depth + 1)
            if direct is not None:
                return direct
        owner = self.value(node.value, scope, depth + 1)
        match owner:
            case Outside(name):
                return Outside(f"{name}.{node.attr}")
            case Package():
                return self.member(owner, node.attr, depth + 1)
            case Made(cls=None) if node.attr in {"router", "app", "asgi_app", "wsgi_app"}:
                return owner
            case Made(cls=Defined() as cls):
                return self._field(cls, node.attr, depth) or (
                    owner if node.attr in {"router", "app", "asgi_app", "wsgi_app"} else None
                )
            case Defined(node=ast.ClassDef()):
                return self._field(owner, node.attr, depth)
            case _:
                return None

    def _field(self, cls: Defined, name: str, depth: int) -> Value:
        """A class attribute, or an attribute that a method sets on `self`; also of base classes."""
        for ancestor in self.line(cls):
            for key in (name, f"self.{name}"):
                found = self._bound(ancestor.inside, key, depth + 1)
                if found is not None:
                    return found
        return None

    def _call(self, node: ast.Call, scope: Scope, depth: int) -> Value:
        callee = self.value(node.func, scope, depth + 1)
        match callee:
            case Outside(name):
                last = name.rpartition(".")[2]
                if last in _ENVIRONMENT or name.startswith("os.environ"):
                    return self.text(argument(node, 1, "default"), scope, depth + 1) or Made(
                        name, node, scope
                    )
                return Made(name, node, scope)
            case Defined(node=ast.ClassDef()):
                return Made(self.root(callee), node, scope, callee)
            case Defined(node=function) if isinstance(function, Function):
                return self._returned(callee, depth)
            case _:
                return self._method(node, scope, depth)

    def _method(self, node: ast.Call, scope: Scope, depth: int) -> Value:
        """A method of a string, or of an object made elsewhere."""
        if not isinstance(node.func, ast.Attribute):
            return None
        name = node.func.attr
        owner = self.value(node.func.value, scope, depth + 1)
        if isinstance(owner, str):
            if name in {"strip", "rstrip", "lstrip"}:
                cut = self.text(node.args[0], scope, depth + 1) if node.args else None
                return getattr(owner, name)(cut)
            return owner.lower() if name == "lower" else None
        if name == "as_view":
            return owner
        if isinstance(owner, Made) and owner.cls is None:
            return Made(f"{owner.name}.{name}", node, scope)
        return None

    def _returned(self, function: Defined, depth: int) -> Value:
        """The value that a function of the app returns, where one of its returns says so."""
        pending: list[ast.AST] = list(function.node.body)
        while pending:
            node = pending.pop(0)
            if isinstance(node, ast.Return):
                found = self.value(node.value, function.inside, depth + 1)
                if found is not None:
                    return found
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                pending += [
                    child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
                ]
        return None
