"""Where an app may begin: base paths that its own files name, and usual ones."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from analyzers.runtime.tool import ToolRun

GUESSES = (
    *("/app/", "/api/", "/home", "/index.html", "/web/", "/ui/", "/docs", "/admin/", "/public/"),
    *("/dashboard", "/api/v1/", "/v1/", "/graphql", "/static/index.html", "/main", "/login"),
)
MAX_ENTRIES = 25
MAX_FILES = 40
READ_BYTES = 100_000
_NAMES = re.compile(
    r"(^|/)(readme[^/]*|[^/]+\.md|dockerfile[^/]*|(docker-)?compose[^/]*\.ya?ml|package\.json|"
    r"(vite|next|nuxt|vue|svelte|astro)\.config\.\w+|[^/]*nginx[^/]*\.conf|\.env[^/]*|index\.html)$",
    re.IGNORECASE,
)
_OWN_URL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?(/[\w./~%+-]*)?", re.IGNORECASE
)
_BASES = (
    re.compile(
        r"""(?:^|[\s,{(])(?:base|basePath|baseURL|publicPath)["']?\s*[:=]\s*["'](/[\w./-]+)["']"""
    ),
    re.compile(r"""<base\s[^>]{0,200}href=["']?(/[\w./-]+)""", re.IGNORECASE),
    re.compile(
        r"(?:BASE_PATH|SCRIPT_NAME|ROOT_PATH|PUBLIC_URL|URL_PREFIX)\s*[=:]\s*[\"']?(/[\w./-]+)"
    ),
    re.compile(r"^\s*location\s+(?:=\s*|\^~\s*)?(/[\w./-]+)\s*\{", re.MULTILINE),
)


def named_entries(run: ToolRun) -> list[str]:
    """Paths that the app's README, Dockerfile, compose file and build configuration name."""
    found = list[str]()
    files = [name for name in run.source.files if name.count("/") < 3 and _NAMES.search(name)]
    for name in files[:MAX_FILES]:
        found += entries_in(name, _head(run.source.root / name))
    return list(dict.fromkeys(found))[:MAX_ENTRIES]


def entries_in(name: str, text: str) -> list[str]:
    """Paths of this app that one of its files names, without the root."""
    paths = [hit[1] or "/" for hit in _OWN_URL.finditer(text)]
    paths += [hit[1] for pattern in _BASES for hit in pattern.finditer(text)]
    if name.endswith("package.json"):
        paths += _homepage(text)
    plain = [path.rstrip(".,") for path in paths]
    return list(dict.fromkeys(path for path in plain if path.strip("/") and ".." not in path))


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _homepage(text: str) -> Iterable[str]:
    try:
        document = json.loads(text)
        homepage = document.get("homepage") if isinstance(document, dict) else None
        return [urlsplit(str(homepage)).path] if homepage else []
    except (ValueError, RecursionError):
        return []
