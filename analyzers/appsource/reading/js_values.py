"""The values of names in a JavaScript project, across its files, without running any of it.

Nodes are Babel's, in the form that `parse.mjs` writes.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Node = dict[str, Any]
FUNCTIONS = frozenset(
    {"FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"}
    | {"ObjectMethod", "ClassMethod", "ClassPrivateMethod"}
)
CLASSES = frozenset({"ClassDeclaration", "ClassExpression"})
# Nodes that stand for the value of one of their members, and that member.
WRAPPERS = {
    "AwaitExpression": "argument",
    "TSAsExpression": "expression",
    "TSSatisfiesExpression": "expression",
    "TSNonNullExpression": "expression",
    "TSTypeAssertion": "expression",
    "TypeCastExpression": "expression",
    "ParenthesizedExpression": "expression",
    "AssignmentExpression": "right",
    "ChainExpression": "expression",
    "ExpressionStatement": "expression",
}


@dataclass(slots=True)
class JsScope:
    """Names of a module or a function; blocks belong to them."""

    module: "JsModule"
    parent: "JsScope | None" = None
    name: str = ""
    names: dict[str, list["JsBound"]] = field(default_factory=dict)
    inner: dict[int, "JsScope"] = field(default_factory=dict)
    node: Node | None = None

    def bind(self, name: str, bound: "JsBound") -> None:
        """Add one more meaning of `name`."""
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
    """One parsed file, its names bound by `js_binder`.

    Attributes:
        exports: exported name -> expression; `default` is also the value of `module.exports =`.
        starts: beginnings of its lines, in UTF-16 units; computed on first use.
    """

    file: str
    body: list[Node]
    text: str
    scope: JsScope = field(init=False)
    exports: dict[str, Node] = field(default_factory=dict)
    passed_on: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scope = JsScope(self)

    def lines_of(self, node: Node) -> tuple[int, int]:
        """First and last line of a node as editors count; the parser ends lines at U+2028, too."""
        start, end = node.get("s"), node.get("e")
        if not isinstance(start, int) or not isinstance(end, int):
            line = int(node.get("line") or 1)
            return line, line
        if not self.starts:
            self.starts += _line_starts(self.text)
        return bisect_right(self.starts, start), bisect_right(self.starts, max(start, end - 1))

    def slice(self, node: Node) -> str:
        """The source of a node; the parser counts in UTF-16 units."""
        start, end = node.get("s"), node.get("e")
        if not isinstance(start, int) or not isinstance(end, int):
            return ""
        if self.text.isascii():
            return self.text[start:end]
        return self.text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode(
            "utf-16-le", "replace"
        )


def _line_starts(text: str) -> list[int]:
    starts, begin = [0], 0
    for hit in re.finditer(r"\r\n|\r|\n", text):
        line, begin = text[begin : hit.end()], hit.end()
        wide = 0 if line.isascii() else sum(ord(char) > 0xFFFF for char in line)
        starts.append(starts[-1] + len(line) + wide)
    return starts


@dataclass(frozen=True, slots=True)
class JsOutside:
    """Something of a package: `express.Router`."""

    name: str


@dataclass(frozen=True, slots=True)
class JsFile:
    """All exports of a module of the app."""

    file: str


@dataclass(slots=True)
class JsMade:
    """The object made by a call or `new` of an outside name."""

    name: str
    node: Node
    scope: JsScope

    @property
    def key(self) -> str:
        """The place where it is made identifies it."""
        return f"{self.scope.module.file}:{self.node.get('line')}:{self.node.get('s')}"


@dataclass(slots=True)
class JsDefined:
    """A function, class or object literal of the app."""

    node: Node
    scope: JsScope

    @property
    def inside(self) -> JsScope:
        """The scope of its inner names."""
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


def name_of(node: Any) -> str:
    """The name of an identifier or a string key; empty where it is neither."""
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "StringLiteral":
        return str(node.get("value"))
    if node.get("type") == "PrivateName":
        return name_of(node.get("id"))
    return str(node.get("name", "")) if node.get("type") == "Identifier" else ""


def dotted(node: Any) -> str:
    """`a.b.c` of member expressions; empty where it is none."""
    parts: list[str] = []
    while isinstance(node, dict) and node.get("type") in {
        "MemberExpression",
        "OptionalMemberExpression",
    }:
        parts.append(name_of(node.get("property")))
        node = node.get("object")
    if isinstance(node, dict) and node.get("type") == "ThisExpression":
        parts.append("this")
    elif name_of(node):
        parts.append(name_of(node))
    else:
        return ""
    return ".".join(reversed(parts))


def walk(node: Any) -> Iterator[Node]:
    """Every node below, itself first, in order of the source."""
    pending: list[Any] = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, list):
            pending += reversed(current)
        elif isinstance(current, dict):
            if "type" in current:
                yield current
            pending += [
                value for value in reversed(current.values()) if isinstance(value, dict | list)
            ]


def injected(class_node: Node, name: str) -> Node | None:
    """The class that a constructor is given as `private name: Class`, as NestJS injects it."""
    members = (class_node.get("body") or {}).get("body", ())
    constructor = next((node for node in members if node.get("kind") == "constructor"), None)
    for param in (constructor or {}).get("params") or ():
        target = param.get("parameter") or {}
        if param.get("type") == "TSParameterProperty" and name_of(target) == name:
            annotation = (target.get("typeAnnotation") or {}).get("typeAnnotation") or {}
            return annotation.get("typeName")
    return None


def arguments_of(call: Node) -> list[Node]:
    """The nodes among the arguments of a call."""
    return [argument for argument in call.get("arguments") or () if isinstance(argument, dict)]
