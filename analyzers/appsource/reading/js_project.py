"""A JavaScript project as a whole: the file of an import, the value of an expression."""

from typing import Any

from analyzers.appsource.reading.js_frameworks import SAME_OBJECT
from analyzers.appsource.reading.js_literals import JsLiterals
from analyzers.appsource.reading.js_values import (
    CLASSES,
    FUNCTIONS,
    WRAPPERS,
    JsAt,
    JsBound,
    JsDefined,
    JsFile,
    JsGiven,
    JsList,
    JsMade,
    JsModule,
    JsOutside,
    JsScope,
    JsValue,
    Node,
    dotted,
    injected,
    name_of,
)
from analyzers.appsource.reading.links import MAX_TEXT_CHARS, Budget

MAX_DEPTH = 25
MAX_ITEMS = 500


class JsProject(JsLiterals):
    """All parsed modules of an app."""

    def __init__(self, modules: dict[str, JsModule], packages: frozenset[str], budget: Budget):
        super().__init__(modules, packages)
        self.budget = budget
        self._busy: set[tuple[int, int]] = set()
        self.loops: dict[tuple[int, str], tuple[Node, JsScope]] = {}

    def imported(self, source: str, importer: str) -> JsValue:
        """The value of an imported module."""
        file = self.file_of(source, importer)
        if file is not None:
            return JsFile(file)
        if self.is_outside(source):
            return JsOutside(source.removeprefix("node:"))
        other = self.aliased(source) if not source.startswith(".") else None
        return JsFile(other) if other else None

    def exported(self, file: str, name: str, depth: int = 0) -> JsValue:
        """The value that a file of the app exports under a name."""
        module = self.modules.get(file)
        if module is None or depth > MAX_DEPTH:
            return None
        node = module.exports.get(name)
        if node is not None:
            return self._export(module, node, depth)
        if "default" in module.exports and name != "default":
            whole = self._export(module, module.exports["default"], depth)
            found = self.member(whole, name, depth + 1)
            if found is not None:
                return found
        for source in module.passed_on:
            inner = self.file_of(source, file)
            found = self.exported(inner, name, depth + 1) if inner else None
            if found is not None:
                return found
        return None

    def _export(self, module: JsModule, node: Node, depth: int) -> JsValue:
        if node.get("type") != "Reexported":
            return self.value(node, module.scope, depth + 1)
        if node.get("source"):
            inner = self.file_of(str(node["source"]), module.file)
            return self.exported(inner, str(node["name"]), depth + 1) if inner else None
        return self.named(module.scope, str(node["name"]), depth + 1)

    def whole(self, value: JsValue, depth: int = 0) -> JsValue:
        """The default export of a module of the app."""
        return self.exported(value.file, "default", depth) if isinstance(value, JsFile) else value

    # --- names -------------------------------------------------------------------------------

    def named(self, scope: JsScope, name: str, depth: int = 0) -> JsValue:
        """The value of a name in a scope; None where it is unknown."""
        inner: JsScope | None = scope
        while inner is not None and depth <= MAX_DEPTH:
            if (id(inner), name) in self.loops:
                return self.value(*self.loops[id(inner), name], depth + 1)
            given: JsValue = None
            for bound in inner.names.get(name, ()):
                found = self._meaning(inner, name, bound, depth)
                if isinstance(found, JsGiven):
                    given = found
                elif isinstance(found, JsList):
                    return self._extended(found, inner, inner.names[name], depth)
                elif found is not None:
                    return found
            if given is not None:
                return given
            inner = inner.parent
        return None

    def _extended(self, found: JsList, scope: JsScope, bounds: list[JsBound], depth: int) -> JsList:
        """A list with the elements that are added to it later."""
        more = [bound.node for bound in bounds if bound.kind == "more" and bound.node is not None]
        added = [item for node in more for item in self._items(node["elements"], scope, depth)]
        return JsList([*found.items, *added][:MAX_ITEMS])

    def _meaning(self, scope: JsScope, name: str, bound: JsBound, depth: int) -> JsValue:
        importer = scope.module.file
        if bound.kind == "import":
            return self.imported(bound.text, importer)
        if bound.kind == "from":
            owner = self.imported(bound.text, importer)
            if isinstance(owner, JsFile):
                return self.exported(owner.file, bound.member, depth + 1)
            if isinstance(owner, JsOutside) and bound.member != "default":
                return JsOutside(f"{owner.name}.{bound.member}")
            return owner
        if bound.kind == "param":
            return JsGiven(scope, name)
        if bound.kind == "more":
            return None
        if bound.kind == "def" and bound.node is not None:
            return JsDefined(bound.node, scope)
        found = self.value(bound.node, scope, depth + 1)
        return self.member(found, bound.member, depth + 1) if bound.kind == "member" else found

    def member(self, owner: JsValue, name: str, depth: int = 0) -> JsValue:
        """`owner.name`."""
        if depth > MAX_DEPTH:
            return None
        if isinstance(owner, JsFile):
            return self.exported(owner.file, name, depth + 1)
        if isinstance(owner, JsOutside):
            return owner if name == "default" else JsOutside(f"{owner.name}.{name}")
        if isinstance(owner, JsMade):
            return owner if name in {"router", "server", "app", "httpServer"} else None
        if isinstance(owner, JsDefined):
            return self._field(owner, name, depth)
        return None

    def _field(self, owner: JsDefined, name: str, depth: int) -> JsValue:
        node = owner.node
        if node.get("type") == "ObjectExpression":
            for property_node in node.get("properties", ()):
                if name_of(property_node.get("key")) == name:
                    if property_node.get("type") == "ObjectMethod":
                        return JsDefined(property_node, owner.scope)
                    return self.value(property_node.get("value"), owner.scope, depth + 1)
        if node.get("type") in CLASSES:
            for property_node in (node.get("body") or {}).get("body", ()):
                if name_of(property_node.get("key")) == name:
                    if property_node.get("type") in FUNCTIONS:
                        return JsDefined(property_node, owner.inside)
                    return self.value(property_node.get("value"), owner.inside, depth + 1)
        return None

    # --- expressions -------------------------------------------------------------------------

    def value(self, node: Any, scope: JsScope, depth: int = 0) -> JsValue:
        """The value of an expression; None where it is known only at run time."""
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return None
        mark = (id(node), id(scope))
        if mark in self._busy:
            return None
        self.budget.spend()
        self._busy.add(mark)
        try:
            found = self._value(node, scope, depth)
            return None if isinstance(found, str) and len(found) > MAX_TEXT_CHARS else found
        finally:
            self._busy.discard(mark)

    def _value(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        kind = str(node.get("type"))
        if kind in WRAPPERS:
            return self.value(node.get(WRAPPERS[kind]), scope, depth + 1)
        if kind in FUNCTIONS or kind in CLASSES or kind == "ObjectExpression":
            return JsDefined(node, scope)
        if kind == "ArrayExpression":
            return JsList(self._items(node.get("elements", ()), scope, depth))
        reader = {
            "StringLiteral": self._literal,
            "Identifier": self._identifier,
            "TemplateLiteral": self.template,
            "BinaryExpression": self.sum_of,
            "LogicalExpression": self.either,
            "ConditionalExpression": self.either,
            "MemberExpression": self._member_expression,
            "OptionalMemberExpression": self._member_expression,
            "CallExpression": self._call,
            "OptionalCallExpression": self._call,
            "NewExpression": self._call,
        }.get(kind)
        return reader(node, scope, depth) if reader else None

    def _items(self, nodes: Any, scope: JsScope, depth: int) -> list[tuple[Node, JsScope]]:
        rows: list[tuple[Node, JsScope]] = []
        for node in list(nodes)[:MAX_ITEMS]:
            if isinstance(node, dict) and node.get("type") == "SpreadElement":
                inner = self.whole(self.value(node.get("argument"), scope, depth + 1))
                rows += inner.items if isinstance(inner, JsList) else [(node, scope)]
            elif isinstance(node, dict):
                rows.append((node, scope))
        return rows

    def _literal(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        return str(node.get("value"))

    def _identifier(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        return self.named(scope, name_of(node), depth + 1)

    def _member_expression(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        text = dotted(node)
        if text.startswith(("process.env", "import.meta")):
            return None
        if text.startswith("this.") and text.count(".") == 1:
            found = self.named(scope.module.scope, text, depth + 1)
            if found is not None:
                return found
            return self._own_member(text.partition(".")[2], scope, depth)
        owner = self.value(node.get("object"), scope, depth + 1)
        name = name_of(node.get("property"))
        if isinstance(owner, JsDefined | JsFile | JsOutside | JsMade):
            return self.member(owner, name, depth + 1)
        return None

    def _own_member(self, name: str, scope: JsScope, depth: int) -> JsValue:
        """`this.name` within a class."""
        inner: JsScope | None = scope
        while inner is not None:
            if inner.node is not None and inner.node.get("type") in CLASSES and inner.parent:
                found = self._field(JsDefined(inner.node, inner.parent), name, depth + 1)
                given = injected(inner.node, name) if found is None else None
                return self.value(given, inner.parent, depth + 1) if given else found
            inner = inner.parent
        return None

    def _call(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        callee = node.get("callee") or {}
        arguments = node.get("arguments") or [{}]
        if callee.get("type") == "Import" or name_of(callee) in {"require", "__importDefault"}:
            source = self.text(arguments[0], scope, depth + 1)
            return self.imported(source, scope.module.file) if source else None
        function = self.whole(self.value(callee, scope, depth + 1), depth + 1)
        if isinstance(function, JsOutside):
            return JsMade(function.name, node, scope)
        if isinstance(function, JsDefined) and function.node.get("type") in FUNCTIONS:
            return self._returned(function, depth)
        if isinstance(function, JsDefined) and function.node.get("type") in CLASSES:
            return function
        return self._method(node, callee, scope, depth)

    def _method(self, node: Node, callee: Node, scope: JsScope, depth: int) -> JsValue:
        if callee.get("type") not in {"MemberExpression", "OptionalMemberExpression"}:
            return None
        name = name_of(callee.get("property"))
        owner = self.whole(self.value(callee.get("object"), scope, depth + 1), depth + 1)
        if isinstance(owner, JsAt):
            return owner
        if name == "route" and isinstance(owner, JsMade | JsGiven):
            arguments = node.get("arguments") or []
            if len(arguments) == 1:
                return JsAt(owner, self.text(arguments[0], scope, depth + 1))
            return owner
        if isinstance(owner, JsMade | JsGiven) and name in SAME_OBJECT:
            return owner
        if isinstance(owner, JsMade) and name in {"server", "Router", "group", "child"}:
            return JsMade(f"{owner.name}.{name}", node, scope)
        return JsMade(f"{owner.name}.{name}", node, scope) if isinstance(owner, JsMade) else None

    def _returned(self, function: JsDefined, depth: int) -> JsValue:
        body = function.node.get("body") or {}
        if body.get("type") != "BlockStatement":
            return self.value(body, function.inside, depth + 1)
        pending: list[Any] = list(body.get("body", ()))
        while pending:
            node = pending.pop(0)
            if isinstance(node, list):
                pending = [*node, *pending]
            elif isinstance(node, dict) and node.get("type") == "ReturnStatement":
                found = self.value(node.get("argument"), function.inside, depth + 1)
                if found is not None:
                    return found
            elif isinstance(node, dict) and str(node.get("type")).endswith("Statement"):
                pending += [child for child in node.values() if isinstance(child, dict | list)]
        return None
