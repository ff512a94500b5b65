"""Dockerfiles for apps that bring none: Flask, FastAPI, Express and its kind, static sites."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent
_MAX_BYTES = 256 * 1024
_MODULES = ("app.py", "main.py", "server.py", "wsgi.py", "run.py", "api.py")


@dataclass(frozen=True, slots=True)
class Scaffold:
    """How an app of a known framework runs without a Dockerfile of its own.

    Attributes:
        kind: `flask`, `fastapi`, `node` or `static`: the file `<kind>.Dockerfile` beside this one.
        argv: the command, run in the app's folder; `$PORT` stands for the port it must listen on.
    """

    kind: str
    argv: tuple[str, ...]
    port: int = 8000
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def dockerfile(self) -> str:
        """Text of the Dockerfile."""
        text = (_HERE / f"{self.kind}.Dockerfile").read_text()
        return text.replace("@COMMAND@", json.dumps(["sh", "-c", _shell(self.argv)]))


def find_scaffold(root: Path) -> Scaffold | None:
    """The scaffold for `root`, from its files; None when no framework is recognised."""
    requirements = _read(root / "requirements.txt").lower()
    if (root / "requirements.txt").is_file() and (found := _python(root, requirements)) is not None:
        return found
    if (found := _node(root)) is not None:
        return found
    if (root / "index.html").is_file():
        return Scaffold("static", ("python", "-m", "http.server", "$PORT"))
    return None


def _python(root: Path, requirements: str) -> Scaffold | None:
    """An ASGI or WSGI app object, or a module that starts its own server."""
    names = set(re.findall(r"^\s*([a-z0-9_.-]+)", requirements, re.MULTILINE))
    for file in _MODULES:
        source = _read(root / file)
        module = file.removesuffix(".py")
        if "fastapi" in names and (name := _app_object(source, "FastAPI")):
            argv = ("python", "-m", "uvicorn", f"{module}:{name}", "--host", "0.0.0.0", "--port")  # noqa: S104
            return Scaffold("fastapi", (*argv, "$PORT"))
        if "flask" in names and (name := _app_object(source, "Flask")):
            argv = ("python", "-m", "flask", "--app", f"{module}:{name}", "run")
            return Scaffold("flask", (*argv, "--host", "0.0.0.0", "--port", "$PORT"))  # noqa: S104
    if "flask" in names and any("create_app" in _read(root / file) for file in _MODULES):
        file = next(file for file in _MODULES if "create_app" in _read(root / file))
        argv = ("python", "-m", "flask", "--app", file.removesuffix(".py"), "run")
        return Scaffold("flask", (*argv, "--host", "0.0.0.0", "--port", "$PORT"))  # noqa: S104
    return None


def _app_object(source: str, constructor: str) -> str:
    found = re.search(
        rf"^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:\w+\.)?{constructor}\(", source, re.MULTILINE
    )
    return found.group(1) if found else ""


def _node(root: Path) -> Scaffold | None:
    """`npm start`, else the `main` module of a package that depends on a server framework."""
    try:
        package = json.loads(_read(root / "package.json") or "{}")
        scripts, dependencies = package.get("scripts", {}), package.get("dependencies", {})
        main = str(package.get("main", "index.js"))
        start = "start" in scripts
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
    if start:
        return Scaffold("node", ("npm", "start", "--silent"), port=3000)
    entry = next((name for name in (main, "server.js", "app.js") if _is_module(root, name)), None)
    if entry and {"express", "fastify", "koa"} & set(dependencies):
        return Scaffold("node", ("node", entry), port=3000)
    return None


def _is_module(root: Path, name: str) -> bool:
    return re.fullmatch(r"[\w./-]+", name) is not None and (root / name).is_file()


def _shell(argv: tuple[str, ...]) -> str:
    return "exec " + " ".join(f'"{word}"' if "$" in word else word for word in argv)


def _read(path: Path) -> str:
    """Text of a small regular file that is no link; empty when there is none."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return ""
        return path.read_text(errors="replace")
    except OSError:
        return ""
