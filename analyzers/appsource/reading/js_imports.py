"""Which file of a JavaScript project an import means."""

from pathlib import PurePosixPath

from analyzers.appsource.reading.js_values import JsModule

_SUFFIXES = (".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx", ".mts", ".cts")
BUILT_IN = frozenset(
    {"assert", "async_hooks", "buffer", "child_process", "cluster", "crypto", "dgram", "dns"}
    | {"events", "fs", "http", "http2", "https", "module", "net", "os", "path", "perf_hooks"}
    | {"process", "querystring", "readline", "stream", "string_decoder", "timers", "tls", "tty"}
    | {"url", "util", "v8", "vm", "worker_threads", "zlib"}
)


class JsImports:
    """All parsed modules of an app, by file."""

    def __init__(self, modules: dict[str, JsModule], packages: frozenset[str] = frozenset()):
        self.modules = modules
        self.packages = packages
        """The packages in the app's manifests; empty where there is none."""

    def file_of(self, source: str, importer: str) -> str | None:
        """The file of the app that a module name means."""
        folder = PurePosixPath(importer).parent
        if source.startswith("."):
            return self._at(folder, source)
        for mark in ("@/", "~/", "#/", "@@/"):
            if source.startswith(mark):
                rest = source.removeprefix(mark)
                bases = (folder, *folder.parents)
                tried = [
                    directory for base in bases for directory in (base, base / "src", base / "app")
                ]
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
        tried = [
            path,
            *(path + suffix for suffix in _SUFFIXES),
            *(stem + suffix for suffix in _SUFFIXES),
        ]
        tried += [f"{path}/index{suffix}".lstrip("/") for suffix in _SUFFIXES]
        return next((candidate for candidate in tried if candidate in self.modules), None)

    def is_outside(self, source: str) -> bool:
        """Whether a module name is a package's, not another name for a folder of the app."""
        if source.startswith((".", "/", "@/", "~/", "#", "@@/")):
            return False
        parts = source.removeprefix("node:").split("/")
        base = "/".join(parts[: 2 if source.startswith("@") else 1])
        return (
            not self.packages
            or base in self.packages
            or base in BUILT_IN
            or source.startswith("node:")
        )

    def aliased(self, source: str) -> str | None:
        """The file that an alias of `tsconfig.json` or a bundler most likely means."""
        ends = source.lstrip("@~#/$")
        found = [
            file for file in self.modules if _bare(file).endswith(f"/{ends}") or _bare(file) == ends
        ]
        return found[0] if len(found) == 1 else None


def _bare(file: str) -> str:
    """The path of a file without its suffix; of an `index`, its folder."""
    path = file
    for suffix in _SUFFIXES:
        path = path.removesuffix(suffix)
    return path.removesuffix("/index")
