"""detect-secrets: keys, tokens and passwords in any text file of the app."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from analyzers.appsource.manifests import LOCK_FILES
from analyzers.runtime.grades import Grades
from analyzers.runtime.tool import Canary, Command, Execute, Parsed, ToolFault, ToolRun
from analyzers.static.adapter import (
    CommandTool,
    Gathered,
    Lines,
    coverage,
    finding,
    load_json,
    relative,
    with_skipped,
)
from analyzers.static.files import as_utf8
from analyzers.static.reputation import Reputation
from contract.analysis import Category, Confidence, Finding, Location, Severity

_SURE = (Severity.HIGH, Confidence.HIGH)
_LIKELY = (Severity.MEDIUM, Confidence.MEDIUM)
_GUESS = (Severity.LOW, Confidence.LOW)
_TYPES = {
    "AWS Access Key": _SURE,
    "Artifactory Credentials": _SURE,
    "Azure Storage Account access key": _SURE,
    "Base64 High Entropy String": _GUESS,
    "Basic Auth Credentials": _LIKELY,
    "Cloudant Credentials": _SURE,
    "Discord Bot Token": _SURE,
    "GitHub Token": _SURE,
    "GitLab Token": _SURE,
    "Hex High Entropy String": _GUESS,
    "IBM COS HMAC Credentials": _SURE,
    "IBM Cloud IAM Key": _SURE,
    "JSON Web Token": _LIKELY,
    "Mailchimp Access Key": _SURE,
    "NPM tokens": _SURE,
    "OpenAI Token": _SURE,
    "Private Key": _SURE,
    "Public IP (ipv4)": _GUESS,
    "PyPI Token": _SURE,
    "Secret Keyword": (Severity.MEDIUM, Confidence.LOW),
    "SendGrid API Key": _SURE,
    "Slack Token": _SURE,
    "SoftLayer Credentials": _SURE,
    "Square OAuth Secret": _SURE,
    "Stripe Access Key": _SURE,
    "Telegram Bot Token": _SURE,
    "Twilio API Key": _SURE,
}
_MAX_NESTING = 100
# Filters that silently skip lines and whole files (CSS, SVG, anything called swagger).
_FILTERS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_non_text_file",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_swagger_file",
)
_SENTINEL = "assay-sentinel.txt"
_PLANTED = "key = AKIA" + "QYLPMN5HHHFPZAM2\n"


_REPUTATION = Reputation(
    school="detect-secrets",
    noisy=frozenset({"Base64 High Entropy String", "Hex High Entropy String", "Secret Keyword"}),
    by_name=frozenset({"Secret Keyword"}),
)


class DetectSecrets(CommandTool):
    """Adapter for `detect-secrets scan`. The secret itself is not copied into the report."""

    name = "detect-secrets"
    looks_for = frozenset({Category.SECURITY})
    grades = Grades("secret type", {kind: grade for kind, (grade, _) in _TYPES.items()})
    reputation = _REPUTATION
    file_kind = "text"
    suffixes = ("",)
    apart = True
    parses = False
    canary = Canary(
        files={"config.txt": "aws = AKIA" + "QYLPMN5HHHFPZAM2\n"},
        expect=frozenset({"AWS Access Key"}),
    )

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """All files but lock files, whose digests are no secrets."""
        return tuple(name for name in files if name.rpartition("/")[2] not in LOCK_FILES)

    def argv(self, tools_dir: Path, workspace: Path) -> tuple[str, ...]:
        """All files, whether git knows them or not; allow-list comments do not count."""
        disabled = (part for name in _FILTERS for part in ("--disable-filter", name))
        return (
            *(*self.program(tools_dir), "scan", "--all-files", "--no-verify"),
            *("--disable-plugin", "IPPublicDetector", *disabled, "."),
        )

    async def measure(self, run: ToolRun, given: Sequence[str], execute: Execute) -> Parsed:
        """It reads YAML by recursion and crashes on one that nests too deep."""
        deep = {
            name: f"nested deeper than {_MAX_NESTING}"
            for name in given
            if name.endswith((".yml", ".yaml"))
            and _nesting((run.source.root / name).read_bytes()) > _MAX_NESTING
        }
        rest = [name for name in given if name not in deep]
        if not rest:
            raise ToolFault("; ".join(f"{name}: {why}" for name, why in deep.items())[:1_000])
        return with_skipped(await super().measure(run, rest, execute), deep)

    def cleaned(self, data: bytes) -> bytes:
        """In UTF-8: it silently skips any other file."""
        data = as_utf8(data)
        try:
            data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1").encode()
        return data

    def command(self, tools_dir: Path, workspace: Path) -> Command:
        """A key of ours lies among the files: a report without it is blind, not clean."""
        (workspace / "src" / _SENTINEL).write_text(_PLANTED)
        return super().command(tools_dir, workspace)

    def parse(self, raw: bytes, given: Sequence[str], lines: Lines) -> Parsed:
        """Results by file; the planted key must be among them."""
        results = load_json(raw, self.name)["results"]
        known = frozenset(given) | {_SENTINEL}
        by_path = {relative(name, known): items for name, items in results.items()}
        if not by_path.pop(_SENTINEL, None):
            raise ToolFault("detect-secrets did not see the key planted by Assay")
        gathered = Gathered()
        for path, items in by_path.items():
            for item in items:
                gathered.add(path, partial(self._finding, path, item))
        return Parsed(coverage(given, given, gathered.reasons), tuple(gathered.findings))

    def _finding(self, path: str, item: dict) -> Finding:
        kind = item["type"]
        severity = self.grades.of(kind)
        return finding(
            self.name,
            kind,
            f"{kind} in the source.",
            Location(path=path, line=item["line_number"]),
            "",
            severity=severity,
            confidence=_TYPES[kind][1],
            cwe=(798,),
        )


def _nesting(data: bytes) -> int:
    """How deep brackets nest, also in strings and comments: never less than the parser sees."""
    depth = deepest = 0
    for byte in data:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
