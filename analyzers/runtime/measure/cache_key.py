"""What a report depends on, as one digest: what its tool reads, its rules, code, configuration."""

import hashlib
import json
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from analyzers.runtime.measure.weights import Weight, read_weights
from analyzers.runtime.tool import SourceTree, Tool
from contract.analysis import SubtaskRequest
from contract.secret import SecretRef

WEIGHTS = "weights.json"
_NO_CODE = frozenset({"__pycache__", "node_modules", WEIGHTS})


@runtime_checkable
class Reads(Protocol):
    """A tool that does not read the whole app.

    Its report is valid while these files and the configuration are unchanged. The report of a tool
    without this method depends on every file; so does that of a tool that reads `shared` values.
    """

    def reads(self, source: SourceTree) -> Iterable[str] | None:
        """Relative paths of all files its report depends on; None: the whole source."""
        ...


class SourceDigests:
    """Digests of parts of one app's source; each file is read once."""

    def __init__(self, source: SourceTree, whole: str) -> None:
        self._source = source
        self._whole = whole
        self._files: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, tool: Tool) -> str:
        """Digest of what `tool` reads. Blocking."""
        names = tool.reads(self._source) if isinstance(tool, Reads) and not tool.after else None
        if names is None:
            return self._whole
        with self._lock:
            files = [(name, self._file(name)) for name in sorted(set(names))]
        return _digest([files, self._source.withheld(""), self._source.idle])

    def _file(self, name: str) -> str:
        if name not in self._files:
            with (self._source.root / name).open("rb") as file:
                self._files[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._files[name]


def cache_key(
    tool: Tool, version: str, request: SubtaskRequest, source: SourceDigests, code: str
) -> str:
    """Digest of all that could change the report. Blocking.

    Container IDs and ports change with every start of the same app, so only the services' names and
    roles count. The deadline counts because tools derive their budgets from it. Secrets count by
    their keyed digest. `code` is the result of `code_digest`.
    """
    return _digest(
        {
            "source": source.of(tool),
            "analyzer": request.analyzer,
            "tool": tool.name,
            "version": version,
            "rules": tool.rules_digest(),
            "code": code,
            "options": {k: v for k, v in request.options.items() if not isinstance(v, SecretRef)},
            "secrets": request.secrets_digest,
            "template": request.template.model_dump(mode="json") if request.template else None,
            "services": [(target.service, target.role) for target in request.targets],
            "conditions": request.conditions,
            "deadline_s": request.deadline_s,
        }
    )


def code_digest(tools: Sequence[Tool]) -> str:
    """Digest of the service's folder, the runtime and the readers: adapters, rules, pinned tools.

    After a parser or a table of severities was corrected, reports of the old code do not count.
    Blocking; computed once, when the service starts.
    """
    runtime = Path(__file__).parent.parent
    folders = {runtime, runtime.parent / "appsource", *(_service_folder(tool) for tool in tools)}
    files = sorted(path for folder in folders for path in folder.rglob("*") if _is_code(path))
    return _digest([[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files])


def measured_weights(tools: Sequence[Tool]) -> dict[str, Weight]:
    """How long the tools take, from `weights.json` in the services' folders. Blocking."""
    folders = sorted({_service_folder(tool) for tool in tools})
    return {n: weight for folder in folders for n, weight in read_weights(folder / WEIGHTS).items()}


def _service_folder(tool: Tool) -> Path:
    module = sys.modules[type(tool).__module__]
    folder = Path(module.__file__ or __file__).resolve().parent
    return folder.parent if folder.name == "tools" else folder


def _is_code(path: Path) -> bool:
    return path.is_file() and _NO_CODE.isdisjoint(path.parts)


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
