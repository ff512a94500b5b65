"""Texts and lists that JavaScript expressions stand for."""

from abc import abstractmethod
from typing import Any

from analyzers.appsource.reading.js_imports import JsImports
from analyzers.appsource.reading.js_values import (
    JsDefined,
    JsList,
    JsScope,
    JsValue,
    Node,
    dotted,
    name_of,
)


class JsLiterals(JsImports):
    """Reads sums, templates, alternatives and the lists of object literals."""

    @abstractmethod
    def value(self, node: Any, scope: JsScope, depth: int = 0) -> JsValue:
        """The value of an expression."""

    @abstractmethod
    def whole(self, value: JsValue, depth: int = 0) -> JsValue:
        """The default export of a module of the app."""

    def text(self, node: Any, scope: JsScope, depth: int = 0) -> str | None:
        """The string that an expression stands for."""
        found = self.value(node, scope, depth)
        return found if isinstance(found, str) else None

    def items(self, node: Any, scope: JsScope) -> list[tuple[Node, JsScope]] | None:
        """Elements of the array of an expression; also of `Object.entries` of a literal."""
        if isinstance(node, dict) and node.get("type") == "CallExpression":
            name = dotted(node.get("callee"))
            if name in {"Object.entries", "Object.values", "Object.keys"} and node.get("arguments"):
                return self._of_object(node["arguments"][0], name.rpartition(".")[2], scope)
        found = self.whole(self.value(node, scope))
        return found.items if isinstance(found, JsList) else None

    def _of_object(
        self, node: Node, operation: str, scope: JsScope
    ) -> list[tuple[Node, JsScope]] | None:
        found = self.whole(self.value(node, scope))
        if not isinstance(found, JsDefined) or found.node.get("type") != "ObjectExpression":
            return None
        rows = []
        for property_node in found.node.get("properties", ()):
            key = {"type": "StringLiteral", "value": name_of(property_node.get("key"))}
            value = property_node.get("value")
            if name_of(property_node.get("key")) and isinstance(value, dict):
                pair = {"type": "ArrayExpression", "elements": [key, value]}
                rows.append(
                    ({"entries": pair, "values": value, "keys": key}[operation], found.scope)
                )
        return rows

    def template(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        """A template string if all its parts are known."""
        parts = [
            str(((quasi.get("value") or {}).get("cooked")) or "")
            for quasi in node.get("quasis", ())
        ]
        between = [
            self.text(expression, scope, depth + 1) for expression in node.get("expressions", ())
        ]
        if None in between:
            return None
        filled = [
            text for pair in zip(parts, [*map(str, between), ""], strict=False) for text in pair
        ]
        return "".join(filled)

    def sum_of(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        """The sum of two texts."""
        sides = [self.text(node.get(side), scope, depth + 1) for side in ("left", "right")]
        known = node.get("operator") == "+" and None not in sides
        return "".join(str(side_text) for side_text in sides) if known else None

    def either(self, node: Node, scope: JsScope, depth: int) -> JsValue:
        """The first alternative that is known."""
        for side in ("left", "right", "consequent", "alternate"):
            found = self.value(node.get(side), scope, depth + 1)
            if found is not None:
                return found
        return None
