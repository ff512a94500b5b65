"""Which file of a Python project an import means."""

from functools import cache
from pathlib import PurePosixPath

from analyzers.appsource.reading.values import Module


class Imports:
    """All parsed modules of an app, by file."""

    def __init__(self, modules: dict[str, Module]):
        self.modules = modules
        self._by_stem: dict[str, list[str]] = {}
        for file in modules:
            path = PurePosixPath(file)
            stem = path.parent.name if path.name == "__init__.py" else path.stem
            self._by_stem.setdefault(stem, []).append(file)
        self._folders = {str(folder) for file in modules for folder in PurePosixPath(file).parents}
        # Names are followed through the same imports again and again.
        self.file_of = cache(self._file_of)
        self.is_folder = cache(self._is_folder)

    def _file_of(self, dotted: str, importer: str) -> str | None:
        """The file that `import dotted` in `importer` means, if it is one of the app's."""
        level = len(dotted) - len(dotted.lstrip("."))
        parts = [part for part in dotted.split(".") if part]
        folder = PurePosixPath(importer).parent
        if level:
            for _ in range(level - 1):
                folder = folder.parent
            return self._in(folder, parts)
        for base in (folder, *folder.parents):
            if found := self._in(base, parts):
                return found
        return self._anywhere(parts)

    def _in(self, folder: PurePosixPath, parts: list[str]) -> str | None:
        path = folder.joinpath(*parts)
        for name in (f"{path}.py", f"{path / '__init__.py'}"):
            if name in self.modules:
                return name
        return None

    def _anywhere(self, parts: list[str]) -> str | None:
        """`src/` layouts and paths set at run time: a file whose own path ends like the import."""
        if not parts:
            return None
        for file in self._by_stem.get(parts[-1], ()):
            own = file.removesuffix("/__init__.py").removesuffix(".py").split("/")
            if len(parts) > 1 and own[-len(parts) :] == parts:
                return file
        return None

    def _is_folder(self, dotted: str, importer: str) -> bool:
        """Whether a name is a package of the app without its own file."""
        level = len(dotted) - len(dotted.lstrip("."))
        folder = PurePosixPath(importer).parent
        parts = [part for part in dotted.split(".") if part]
        for _ in range(level - 1):
            folder = folder.parent
        bases = (folder,) if level else (folder, *folder.parents)
        return any(str(base.joinpath(*parts)) in self._folders for base in bases)
