"""What the names of a JavaScript project stand for, across its files, without running any of it.

Nodes are Babel's, as `parse.mjs` passes them on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Node = dict[str, Any]
FUNCTIONS = frozenset(
    {"FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"}
    | {"ObjectMethod", "ClassMethod", "ClassPrivateMethod"}
)
CLASSES = frozenset({"ClassDeclaration", "ClassExpression"})


@dataclass(slots=True)
class JsScope:
    """Names of a module or a function; blocks are part of theirs."""

    module: "JsModule"
    parent: "JsScope | None" = None
    name: str = ""
    names: dict[str, list["JsBound"]] = field(default_factory=dict)
    inner: dict[int, "JsScope"] = field(default_factory=dict)

    def bind(self, name: str, bound: "JsBound") -> None:
        """One more meaning of `name`."""
        self.names.setdefault(name, []).append(bound)


@dataclass(frozen=True, slots=True)
class JsBound:
    """One meaning: an expression, a member of one, a definition, an import or a parameter."""

    kind: str
    node: Node | None = None
    text: str = ""
    member: str = ""


@dataclass(slots=True)
class JsModule:
    """One parsed file.

    Attributes:
        exports: exported name -> expression; `default` is also what `module.exports =` gives.
    """

    file: str
    body: list[Node]
    text: str
    scope: JsScope = field(init=False)
    exports: dict[str, Node] = field(default_factory=dict)
    passed_on: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scope = JsScope(self)
        _Binder(self).body(self.body, self.scope)

    def slice(self, node: Node) -> str:
        """The source of a node; the parser counts in UTF-16."""
        start, end = node.get("s"), node.get("e")
        if not isinstance(start, int) or not isinstance(end, int):
            return ""
        if self.text.isascii():
            return self.text[start:end]
        return self.text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode(
            "utf-16-le", "replace"
        )


@dataclass(frozen=True, slots=True)
class JsOutside:
    """Something of a package: `express.Router`."""

    name: str


@dataclass(frozen=True, slots=True)
class JsFile:
    """All that a module of the app exports."""

    file: str


@dataclass(slots=True)
class JsMade:
    """What a call or `new` of an outside name gives."""

    name: str
    node: Node
    scope: JsScope

    @property
    def key(self) -> str:
        """Where it is made tells it from others."""
        return f"{self.scope.module.file}:{self.node.get('line')}:{self.node.get('s')}"


@dataclass(slots=True)
class JsDefined:
    """A function, class or object literal of the app."""

    node: Node
    scope: JsScope

    @property
    def inside(self) -> JsScope:
        """The names within it."""
        return self.scope.inner.get(id(self.node), self.scope)

    @property
    def text(self) -> str:
        """Its source."""
        return self.scope.module.slice(self.node)


@dataclass(slots=True)
class JsGiven:
    """A parameter of a function of the app."""

    scope: JsScope
    name: str

    @property
    def key(self) -> str:
        """File, function and name."""
        return f"{self.scope.module.file}:{self.scope.name}:{self.name}"


@dataclass(slots=True)
class JsAt:
    """`router.route("/x")`: the methods that follow are put there."""

    owner: "JsValue"
    path: str | None


@dataclass(slots=True)
class JsList:
    """Elements of an array, each with the scope to read it in."""

    items: list[tuple[Node, JsScope]]


JsValue = str | JsOutside | JsFile | JsMade | JsDefined | JsGiven | JsAt | JsList | None


class _Binder:
    """Binds what a module defines; an explicit stack, so that no nesting ends it."""

    def __init__(self, module: JsModule):
        self.module = module

    def body(self, nodes: list[Node], scope: JsScope) -> None:
        pending: list[tuple[Any, JsScope]] = [(node, scope) for node in reversed(nodes)]
        while pending:
            node, where = pending.pop()
            if isinstance(node, list):
                pending += [(one, where) for one in reversed(node)]
                continue
            if not isinstance(node, dict):
                continue
            inside = self._node(node, where)
            pending += [
                (value, inside)
                for key, value in reversed(node.items())
                if isinstance(value, dict | list)
            ]

    def _node(self, node: Node, scope: JsScope) -> JsScope:
        kind = node.get("type", "")
        if kind in FUNCTIONS or kind in CLASSES:
            return self._definition(node, kind, scope)
        if kind == "VariableDeclarator":
            self._target(node.get("id"), node.get("init"), scope)
        elif kind == "ImportDeclaration" and node.get("importKind") != "type":
            self._import(node, scope)
        elif kind == "AssignmentExpression":
            self._assign(node, scope)
        elif kind == "TSExportAssignment" and isinstance(node.get("expression"), dict):
            self.module.exports["default"] = node["expression"]
        elif kind.startswith("Export"):
            self._export(node, kind)
        elif kind == "TSImportEqualsDeclaration":
            target = (node.get("moduleReference") or {}).get("expression") or {}
            scope.bind(_name(node.get("id")), JsBound("import", text=str(target.get("value"))))
        return scope

    def _definition(self, node: Node, kind: str, scope: JsScope) -> JsScope:
        name = _name(node.get("id")) or _name(node.get("key")) or f"at {node.get('line')}"
        if kind in {"FunctionDeclaration", "ClassDeclaration"} and node.get("id"):
            scope.bind(_name(node["id"]), JsBound("def", node))
        inner = JsScope(self.module, scope, f"{scope.name}.{name}".lstrip("."))
        scope.inner[id(node)] = inner
        for one in node.get("params") or ():
            self._parameter(one, inner)
        return inner

    def _parameter(self, node: Node, scope: JsScope) -> None:
        if node.get("type") == "AssignmentPattern":
            node = node.get("left") or {}
        if node.get("type") == "TSParameterProperty":
            node = node.get("parameter") or {}
        if node.get("type") == "Identifier":
            scope.bind(_name(node), JsBound("param", node))

    def _target(self, target: Any, value: Any, scope: JsScope) -> None:
        if not isinstance(target, dict) or not isinstance(value, dict):
            return
        if target.get("type") == "Identifier":
            scope.bind(_name(target), JsBound("expr", value))
        elif target.get("type") == "ObjectPattern":
            for one in target.get("properties", ()):
                local = one.get("value") or {}
                local = (
                    local.get("left", local) if local.get("type") == "AssignmentPattern" else local
                )
                if _name(local):
                    scope.bind(_name(local), JsBound("member", value, member=_name(one.get("key"))))

    def _import(self, node: Node, scope: JsScope) -> None:
        source = str((node.get("source") or {}).get("value"))
        for one in node.get("specifiers", ()):
            local, kind = _name(one.get("local")), one.get("type")
            if kind == "ImportNamespaceSpecifier":
                scope.bind(local, JsBound("import", text=source))
            else:
                named = (
                    "default" if kind == "ImportDefaultSpecifier" else _name(one.get("imported"))
                )
                scope.bind(local, JsBound("from", text=source, member=named))

    def _assign(self, node: Node, scope: JsScope) -> None:
        left, right = node.get("left") or {}, node.get("right")
        if left.get("type") == "Identifier":
            self._target(left, right, scope)
            return
        text = dotted(left)
        if text == "module.exports" and isinstance(right, dict):
            self.module.exports["default"] = right
        elif text.startswith(("module.exports.", "exports.")) and isinstance(right, dict):
            self.module.exports[text.rpartition(".")[2]] = right
        elif text.startswith("this."):
            self.module.scope.bind(text, JsBound("expr", right))

    def _export(self, node: Node, kind: str) -> None:
        exports = self.module.exports
        source = (node.get("source") or {}).get("value")
        if kind == "ExportAllDeclaration" and source:
            self.module.passed_on.append(source)
            return
        declared = node.get("declaration")
        if kind == "ExportDefaultDeclaration" and declared:
            exports["default"] = declared
            return
        for one in node.get("specifiers", ()):
            exports[_name(one.get("exported"))] = {
                "type": "Reexported",
                "source": source,
                "name": _name(one.get("local")),
            }
        for one in (declared or {}).get("declarations", ()):
            exports[_name(one.get("id"))] = one.get("init") or {}
        if declared and declared.get("id"):
            exports[_name(declared["id"])] = declared


def _name(node: Any) -> str:
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "StringLiteral":
        return str(node.get("value"))
    if node.get("type") == "PrivateName":
        return _name(node.get("id"))
    return str(node.get("name", "")) if node.get("type") == "Identifier" else ""


name_of = _name


def dotted(node: Any) -> str:
    """`a.b.c` of member expressions; empty where it is none."""
    parts: list[str] = []
    while isinstance(node, dict) and node.get("type") in {
        "MemberExpression",
        "OptionalMemberExpression",
    }:
        parts.append(_name(node.get("property")))
        node = node.get("object")
    if isinstance(node, dict) and node.get("type") == "ThisExpression":
        parts.append("this")
    elif _name(node):
        parts.append(_name(node))
    else:
        return ""
    return ".".join(reversed(parts))


def walk(node: Any) -> Iterator[Node]:
    """Every node below, itself first, in order of the source."""
    pending: list[Any] = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += reversed(one)
        elif isinstance(one, dict):
            if "type" in one:
                yield one
            pending += [value for value in reversed(one.values()) if isinstance(value, dict | list)]
