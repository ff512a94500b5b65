"""Files that should not be served, and directory listings. Content proves a hit, never a status."""

import json
import re
from collections.abc import Callable
from typing import NoReturn

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.covered import Unusable
from analyzers.dynamic.probe import Probe, Scope
from analyzers.runtime.blame import verdict
from analyzers.runtime.live.answers import Unseen, Verdict
from analyzers.runtime.tool import Canary
from contract.analysis import Category

Proof = Callable[[Answer], bool]


def _matches(pattern: str) -> Proof:
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda answer: not answer.is_html and compiled.search(answer.text[:20_000]) is not None


def _starts(*magics: bytes) -> Proof:
    return lambda answer: answer.body.startswith(magics)


def _is_manifest(answer: Answer) -> bool:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and {"dependencies", "scripts"} & document.keys() != set()


def _page_says(pattern: str) -> Proof:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda answer: compiled.search(answer.text[:50_000]) is not None


ENV = _matches(r"^(export )?[A-Z][A-Z0-9_]{2,}\s*=\s*\S")
SQL = _matches(r"(?i)^\s*(create table|insert into|-- .*dump)")
SQLITE = _starts(b"SQLite format 3\x00")
ARCHIVE = _starts(b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf")
PYTHON = _matches(r"^(import \w+|from [\w.]+ import )")
NODE = _matches(r"""(require\(["'](express|fs|http|path)["']\)|from ["'](express|node:)["'])""")

CHECKS: tuple[tuple[str, Proof, tuple[str, ...]], ...] = (
    ("exposed-secret-file", ENV, ("/.env", "/.env.local", "/.env.production", "/backend/.env")),
    ("exposed-secret-file", _matches(r"-----BEGIN [A-Z ]*PRIVATE KEY"), ("/id_rsa", "/key.pem")),
    ("exposed-secret-file", _matches(r"_authToken|_password"), ("/.npmrc",)),
    ("exposed-secret-file", _matches(r"aws_secret_access_key"), ("/.aws/credentials",)),
    ("exposed-secret-file", _matches(r"^[^:\s]+:(\$|\{SHA)"), ("/.htpasswd",)),
    ("exposed-version-control", _matches(r"^(ref: refs/|[0-9a-f]{40}$)"), ("/.git/HEAD",)),
    ("exposed-version-control", _matches(r"^\[core\]"), ("/.git/config",)),
    ("exposed-version-control", _matches(r"^(revlogv1|\d+\n\ndir)"), ("/.hg/requires",)),
    ("exposed-database", SQLITE, ("/database.db", "/app.db", "/data.db", "/db.sqlite3")),
    ("exposed-database", SQLITE, ("/database.sqlite", "/instance/app.db", "/data/app.db")),
    ("exposed-backup", SQL, ("/backup.sql", "/dump.sql", "/db.sql", "/database.sql")),
    ("exposed-backup", ARCHIVE, ("/backup.zip", "/backup.tar.gz", "/app.zip", "/site.zip")),
    ("exposed-backup", PYTHON, ("/app.py.bak", "/config.py.bak", "/app.py~", "/main.py.bak")),
    ("exposed-source", PYTHON, ("/app.py", "/main.py", "/config.py", "/settings.py")),
    ("exposed-source", NODE, ("/server.js", "/app.js", "/index.js", "/server.js.bak")),
    ("exposed-source", _is_manifest, ("/package.json",)),
    ("exposed-source", _matches(r"^FROM \S+"), ("/Dockerfile",)),
    ("exposed-source", _matches(r"^services:"), ("/docker-compose.yml", "/compose.yaml")),
    ("exposed-source", _matches(r"^[A-Za-z][\w.-]*(==|>=)\d"), ("/requirements.txt",)),
    ("interactive-debugger", _page_says(r"EVALEX\s*=\s*true"), ("/console",)),
    ("exposed-debug-endpoint", _page_says(r"<title>phpinfo\(\)"), ("/phpinfo.php",)),
    ("exposed-debug-endpoint", _page_says(r"Apache Server Status"), ("/server-status",)),
    (
        "exposed-debug-endpoint",
        _page_says(r'"(activeProfiles|propertySources)"'),
        ("/actuator/env",),
    ),
)
LISTING = re.compile(
    r"<title>\s*(Index of|Directory listing for|Listing directory|listing directory)\s+/", re.I
)
MAX_FOLDERS = 20
GONE = {404, 410}
NOT_SERVED = (Unseen.LIKE_RANDOM, Unseen.TO_LOGIN, Unseen.SAME_REFUSAL)
FOLDERS = ("/static/", "/uploads/", "/files/", "/assets/", "/media/", "/images/", "/backup/")


class ExposedFiles(Probe):
    """Asks for files that deployments often leave behind."""

    name = "exposed-files"
    looks_for = frozenset({Category.SECURITY})
    canary = Canary(
        serve={
            "GET /": (200, {"Content-Type": "text/html"}, "<h1>canary</h1>"),
            "GET /.git/HEAD": (200, {"Content-Type": "text/plain"}, "ref: refs/heads/main\n"),
        },
        expect=frozenset({"exposed-version-control"}),
    )

    def why_not(self, status: int, path: str, verdict: Verdict) -> str:
        """A missing file answers the request, in whatever words."""
        return "" if status in GONE else super().why_not(status, path, verdict)

    def nothing_seen(self, unseen: Unusable) -> NoReturn:
        """An app that answers every path alike, or shows none to anyone, exposes no file.

        Raises:
            AppFault, ToolFault, NotApplicable: as `raise_unusable`.
        """
        whys = [why for _, why in unseen.rows]
        if all(why.startswith(NOT_SERVED) for why in whys) and not unseen.refused:
            raise verdict("scan-alike", f"no file can be told from a random path: {whys[0]}")
        super().nothing_seen(unseen)

    async def check(self, scope: Scope) -> None:
        """Ask for each file, and for each folder of known pages."""
        for rule, proof, paths in CHECKS:
            for path in paths:
                answer = await scope.client.get(path)
                if answer and answer.ok and answer.verdict.is_seen and proof(answer):
                    text = f"{path} is served to anyone"
                    scope.add(rule, text, path, evidence=excerpt(answer), shown=(answer,))
        folders = folders_of(list(scope.surface.pages))
        for folder in folders[MAX_FOLDERS:]:
            scope.client.leave_out(f"GET {folder}", f"beyond the first {MAX_FOLDERS} folders")
        for folder in dict.fromkeys(["/", *FOLDERS, *folders[:MAX_FOLDERS]]):
            answer = await scope.client.get(folder)
            if answer and answer.ok and answer.verdict.is_seen and LISTING.search(answer.text):
                text = f"{folder} lists its files to anyone"
                rule, evidence = "directory-listing", excerpt(answer)
                scope.add(rule, text, folder, evidence=evidence, shown=(answer,))


def folders_of(paths: list[str]) -> list[str]:
    """Folders below the root with known pages."""
    bare = [path.split("?")[0] for path in paths]
    folders = [path.rsplit("/", 1)[0] + "/" for path in bare if path.count("/") > 1]
    return list(dict.fromkeys(folders))


def excerpt(answer: Answer) -> str:
    """First lines of an answer as evidence; values of settings are masked."""
    text = re.sub(r"(?m)^((?:export )?[A-Z][A-Z0-9_]+\s*=\s*).+$", r"\1***", answer.text[:400])
    return f"{answer.method} {answer.path} -> {answer.status} {answer.media_type}\n{text}"
