"""Which file of a JavaScript project an import means."""

from pathlib import PurePosixPath

from analyzers.appsource.reading.js_values import JsModule

_SUFFIXES = (".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx", ".mts", ".cts")


class JsImports:
    """All parsed modules of an app, by file."""

    def __init__(self, modules: dict[str, JsModule]):
        self.modules = modules

    def file_of(self, source: str, importer: str) -> str | None:
        """The file of the app that a module name means."""
        folder = PurePosixPath(importer).parent
        if source.startswith("."):
            return self._at(folder, source)
        for mark in ("@/", "~/", "#/", "@@/"):
            if source.startswith(mark):
                rest = source.removeprefix(mark)
                bases = (folder, *folder.parents)
                tried = [one for base in bases for one in (base, base / "src", base / "app")]
                return next((hit for base in tried if (hit := self._at(base, rest))), None)
        if source.startswith(("src/", "app/", "server/", "lib/")):
            bases = (folder, *folder.parents)
            return next((hit for base in bases if (hit := self._at(base, source))), None)
        return None

    def _at(self, folder: PurePosixPath, source: str) -> str | None:
        parts: list[str] = [part for part in folder.parts if part != "."]
        for part in source.split("/"):
            if part == "..":
                if not parts:
                    return None
                parts.pop()
            elif part not in {"", "."}:
                parts.append(part)
        path = "/".join(parts)
        stem = path[: path.rfind(".")] if path.endswith((".js", ".mjs", ".cjs", ".jsx")) else path
        tried = [path, *(path + one for one in _SUFFIXES), *(stem + one for one in _SUFFIXES)]
        tried += [f"{path}/index{one}".lstrip("/") for one in _SUFFIXES]
        return next((one for one in tried if one in self.modules), None)
