"""Binds the names of a JavaScript module: declarations, imports, exports, parameters."""

from typing import Any

from analyzers.appsource.reading.js_values import (
    CLASSES,
    FUNCTIONS,
    JsBound,
    JsModule,
    JsScope,
    Node,
    dotted,
    name_of,
)


def js_module(file: str, body: list[Node], text: str) -> JsModule:
    """One parsed file with all its names."""
    module = JsModule(file, body, text)
    _Binder(module).body(body, module.scope)
    return module


class _Binder:
    """Binds the names of a module; an explicit stack, so that deep nesting does not end it."""

    def __init__(self, module: JsModule):
        self.module = module

    def body(self, nodes: list[Node], scope: JsScope) -> None:
        pending: list[tuple[Any, JsScope]] = [(node, scope) for node in reversed(nodes)]
        while pending:
            node, where = pending.pop()
            if isinstance(node, list):
                pending += [(child, where) for child in reversed(node)]
                continue
            if not isinstance(node, dict):
                continue
            inside = self._node(node, where)
            pending += [
                (value, inside)
                for value in reversed(list(node.values()))
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
        elif kind == "CallExpression":
            self._pushed(node, scope)
        elif kind == "AssignmentExpression":
            self._assign(node, scope)
        elif kind == "TSExportAssignment" and isinstance(node.get("expression"), dict):
            self.module.exports["default"] = node["expression"]
        elif kind.startswith("Export"):
            self._export(node, kind)
        elif kind == "TSImportEqualsDeclaration":
            target = (node.get("moduleReference") or {}).get("expression") or {}
            scope.bind(name_of(node.get("id")), JsBound("import", text=str(target.get("value"))))
        return scope

    def _definition(self, node: Node, kind: str, scope: JsScope) -> JsScope:
        name = name_of(node.get("id")) or name_of(node.get("key")) or f"at {node.get('line')}"
        if kind in {"FunctionDeclaration", "ClassDeclaration"} and node.get("id"):
            scope.bind(name_of(node["id"]), JsBound("def", node))
        inner = JsScope(self.module, scope, f"{scope.name}.{name}".lstrip("."), node=node)
        scope.inner[id(node)] = inner
        for param in node.get("params") or ():
            self._parameter(param, inner)
        return inner

    def _parameter(self, node: Node, scope: JsScope) -> None:
        if node.get("type") == "AssignmentPattern":
            node = node.get("left") or {}
        if node.get("type") == "TSParameterProperty":
            node = node.get("parameter") or {}
        if node.get("type") == "Identifier":
            scope.bind(name_of(node), JsBound("param", node))

    def _target(self, target: Any, value: Any, scope: JsScope) -> None:
        if not isinstance(target, dict) or not isinstance(value, dict):
            return
        if target.get("type") == "Identifier":
            scope.bind(name_of(target), JsBound("expr", value))
        elif target.get("type") == "ObjectPattern":
            for property_node in target.get("properties", ()):
                local = property_node.get("value") or {}
                local = (
                    local.get("left", local) if local.get("type") == "AssignmentPattern" else local
                )
                if name_of(local):
                    scope.bind(
                        name_of(local),
                        JsBound("member", value, member=name_of(property_node.get("key"))),
                    )

    def _import(self, node: Node, scope: JsScope) -> None:
        source = str((node.get("source") or {}).get("value"))
        for specifier in node.get("specifiers", ()):
            local, kind = name_of(specifier.get("local")), specifier.get("type")
            if kind == "ImportNamespaceSpecifier":
                scope.bind(local, JsBound("import", text=source))
            else:
                named = (
                    "default"
                    if kind == "ImportDefaultSpecifier"
                    else name_of(specifier.get("imported"))
                )
                scope.bind(local, JsBound("from", text=source, member=named))

    def _pushed(self, node: Node, scope: JsScope) -> None:
        """Elements that are added to a list later."""
        callee = node.get("callee") or {}
        if name_of(callee.get("property")) == "push" and name_of(callee.get("object")):
            more = {"type": "ArrayExpression", "elements": node.get("arguments") or []}
            scope.bind(name_of(callee["object"]), JsBound("more", more))

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
        for specifier in node.get("specifiers", ()):
            exports[name_of(specifier.get("exported"))] = {
                "type": "Reexported",
                "source": source,
                "name": name_of(specifier.get("local")),
            }
        for specifier in (declared or {}).get("declarations", ()):
            exports[name_of(specifier.get("id"))] = specifier.get("init") or {}
        if declared and declared.get("id"):
            exports[name_of(declared["id"])] = declared
