"""Texts and lists that Python expressions stand for."""

import ast

from analyzers.appsource.reading.classes import Classes
from analyzers.appsource.reading.values import Listed, Scope, Value


class Literals(Classes):
    """Reads sums, f-strings, alternatives and the lists of dictionaries."""

    def text(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> str | None:
        """The string that an expression stands for."""
        found = self.value(node, scope, depth)
        return found if isinstance(found, str) else None

    def items(self, node: ast.AST | None, scope: Scope) -> list[tuple[ast.expr, Scope]] | None:
        """Elements of the list that an expression stands for; None where it is no such list."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"list", "tuple", "set", "frozenset", "sorted"}
            and node.args
        ):
            return self.items(node.args[0], scope)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"items", "values", "keys"}
            and not node.args
        ):
            return self._of_dict(node.func.value, node.func.attr, scope)
        found = self.value(node, scope)
        return list(found.items) if isinstance(found, Listed) else None

    def _of_dict(
        self, node: ast.expr, operation: str, scope: Scope
    ) -> list[tuple[ast.expr, Scope]] | None:
        literal = node
        if isinstance(node, ast.Name):
            bounds = [bound for bound in scope.module.scope.names.get(node.id, ()) if bound.node]
            bounds = [bound for bound in scope.names.get(node.id, ()) if bound.node] or bounds
            literal = bounds[0].node if bounds else node
        if not isinstance(literal, ast.Dict):
            return None
        pairs = [
            (key, value) for key, value in zip(literal.keys, literal.values, strict=True) if key
        ]
        if operation == "items":
            return [(ast.Tuple(elts=[key, value], ctx=ast.Load()), scope) for key, value in pairs]
        return [(pair[0] if operation == "keys" else pair[1], scope) for pair in pairs]

    def joined(self, node: ast.AST, scope: Scope, depth: int) -> Value:
        """Sums, f-strings and alternatives."""
        match node:
            case ast.BinOp(op=ast.Add()):
                return self._sum(node, scope, depth)
            case ast.JoinedStr(values=parts):
                texts = [self.text(_bare(part), scope, depth + 1) for part in parts]
                return None if None in texts else "".join(str(text) for text in texts)
            case ast.BoolOp(values=options):
                values = (self.value(option, scope, depth + 1) for option in options)
            case ast.IfExp(body=one, orelse=other):
                values = (self.value(part, scope, depth + 1) for part in (one, other))
            case _:
                return None
        return next((value for value in values if value is not None), None)

    def _sum(self, node: ast.BinOp, scope: Scope, depth: int) -> Value:
        sides = [self.value(side, scope, depth + 1) for side in (node.left, node.right)]
        if all(isinstance(side, str) for side in sides):
            return "".join(str(side) for side in sides)
        if all(isinstance(side, Listed) for side in sides):
            return Listed(
                tuple(item for side in sides if isinstance(side, Listed) for item in side.items)
            )
        return None


def _bare(part: ast.expr) -> ast.expr:
    return part.value if isinstance(part, ast.FormattedValue) else part
