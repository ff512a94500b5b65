"""Classes of a Python project: their bases and methods across files."""

import ast
from abc import abstractmethod
from collections.abc import Iterator

from analyzers.appsource.reading.imports import Imports
from analyzers.appsource.reading.values import Defined, Function, Outside, Scope, Value


class Classes(Imports):
    """Answers questions about a class of the app."""

    @abstractmethod
    def value(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> Value:
        """The value of an expression."""

    def line(self, cls: Defined, depth: int = 0) -> Iterator[Defined]:
        """A class and its bases among the app's own classes."""
        yield cls
        if isinstance(cls.node, ast.ClassDef) and depth < 10:
            for base in cls.node.bases:
                found = self.value(base, cls.scope)
                if isinstance(found, Defined) and found.node is not cls.node:
                    yield from self.line(found, depth + 1)

    def bases(self, cls: Defined) -> list[str]:
        """Names of base classes outside the app (`flask.views.MethodView`)."""
        found: list[str] = []
        for ancestor in self.line(cls):
            for base in getattr(ancestor.node, "bases", ()):
                value = self.value(base, ancestor.scope)
                if isinstance(value, Outside):
                    found.append(value.name)
                elif value is None:
                    found.append(ast.unparse(base))
        return found

    def root(self, cls: Defined) -> str:
        """The first class outside the app; empty where there is none."""
        return next(iter(self.bases(cls)), "")

    def methods(self, cls: Defined) -> dict[str, Defined]:
        """Its methods, including those of the app's base classes."""
        found: dict[str, Defined] = {}
        for ancestor in self.line(cls):
            for node in getattr(ancestor.node, "body", ()):
                if isinstance(node, Function):
                    found.setdefault(node.name, Defined(node, ancestor.inside))
        return found
