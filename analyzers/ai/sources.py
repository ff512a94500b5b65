"""The app's text as judges read it: numbered lines, in parts; files left out are listed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from analyzers.runtime.reasons import Reason, skipped
from analyzers.runtime.tool import SourceTree
from contract.analysis import Coverage, SkipCause, Skipped

_MAX_FILE_BYTES = 400_000
_MAX_APP_CHARS = 8_000_000  # bounds memory, and the number of calls where no budget does
_MAX_LINE_CHARS = 4_000
# Files that cannot meet a requirement: pictures, data, and code of other authors.
_NO_SOURCE = (
    *(".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".pdf", ".ttf", ".otf", ".woff"),
    *(".woff2", ".eot", ".mp3", ".mp4", ".wav", ".zip", ".gz", ".csv", ".tsv", ".json", ".map"),
    *(".geojson", ".txt", ".log", ".pyc", ".db", ".sqlite", ".sqlite3"),
)
_NO_SOURCE_CAUSES = frozenset(
    {SkipCause.BINARY, SkipCause.EMPTY, SkipCause.MINIFIED, SkipCause.GENERATED}
    | {SkipCause.VENDORED, SkipCause.BUILT, SkipCause.LINK}
)
_LOCK_FILES = ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "uv.lock")


@dataclass(frozen=True, slots=True)
class AppText:
    """Text files by relative path, as lists of lines; and files that are no text or too long.

    Attributes:
        names: real path of each file that is shown under another name.
    """

    files: Mapping[str, tuple[str, ...]]
    skipped: tuple[Skipped, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def unread(self) -> tuple[str, ...]:
        """Source files among the skipped ones: nobody can say what they do."""
        return tuple(
            skipped.what
            for skipped in self.skipped
            if skipped.cause not in _NO_SOURCE_CAUSES
            and not skipped.what.lower().endswith(_NO_SOURCE)
        )

    def coverage(self) -> Coverage:
        """Coverage of a judge that read every part."""
        return Coverage(
            unit="files",
            given=len(self.files) + len(self.skipped),
            reached=len(self.files),
            skipped=self.skipped[:50],
            skipped_total=len(self.skipped),
            items=tuple(self.files)[:200],
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `first` to `last` (from 1, both included) of one file."""

    path: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.path}:{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Part:
    """The text of one call."""

    spans: tuple[Span, ...]
    text: str

    @property
    def lines(self) -> int:
        """How many lines it holds."""
        return sum(span.last - span.first + 1 for span in self.spans)


def read_app(source: SourceTree) -> AppText:
    """Every text file of the app; binary, huge and lock files are listed with their reason."""
    files: dict[str, tuple[str, ...]] = {}
    unread = [skipped(name, reason) for name, reason in source.left_out]
    size = 0
    for name in source.files:
        text, reason = _text(source, name)
        size += len(text)
        if size > _MAX_APP_CHARS:
            reason = reason or f"beyond the first {_MAX_APP_CHARS} characters of text"
        if reason:
            unread.append(skipped(name, reason))
        else:
            files[name] = lines_of(text)
    return AppText(files, tuple(unread))


def _text(source: SourceTree, name: str) -> tuple[str, str]:
    if name.endswith(_LOCK_FILES):
        return "", Reason("lock file", SkipCause.GENERATED)
    raw = (source.root / name).read_bytes()
    if len(raw) > _MAX_FILE_BYTES:
        return "", f"{len(raw)} bytes, limit {_MAX_FILE_BYTES}"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "", "not UTF-8 text"
    if "\0" in text:
        return "", Reason("binary", SkipCause.BINARY)
    if not text.strip():
        return "", Reason("empty", SkipCause.EMPTY)
    longest = max(len(line) for line in lines_of(text))
    if longest > _MAX_LINE_CHARS:
        return "", f"a line of {longest} characters (generated or minified)"
    return text, ""


def lines_of(text: str) -> tuple[str, ...]:
    """Lines as editors count them; `str.splitlines` also splits at form feeds and others."""
    lines = text.replace("\r\n", "\n").split("\n")
    return tuple(lines[:-1] if lines[-1] == "" else lines)


def in_parts(app: AppText, part_chars: int) -> tuple[Part, ...]:
    """The whole app in parts of at most `part_chars`; a file is split only if it must be."""
    parts: list[Part] = []
    spans: list[Span] = []
    texts: list[str] = []
    size = 0
    for span, text in _blocks(app, part_chars):
        if spans and size + len(text) > part_chars:
            parts.append(Part(tuple(spans), "\n".join(texts)))
            spans, texts, size = [], [], 0
        spans.append(span)
        texts.append(text)
        size += len(text)
    if spans:
        parts.append(Part(tuple(spans), "\n".join(texts)))
    return tuple(parts)


def _blocks(app: AppText, limit: int) -> Iterator[tuple[Span, str]]:
    """Each file as one block, or as several if it alone is longer than a part."""
    for path, lines in app.files.items():
        first, size, block = 1, 0, list[str]()
        for number, line in enumerate(lines, start=1):
            numbered = f"{number:>5}| {line}"
            if block and size + len(numbered) > limit - len(path) - 50:
                yield _block(path, first, block)
                first, size, block = number, 0, []
            block.append(numbered)
            size += len(numbered) + 1
        yield _block(path, first, block)


def _block(path: str, first: int, block: list[str]) -> tuple[Span, str]:
    span = Span(path, first, first + len(block) - 1)
    return span, f"=== {path} (lines {span.first}-{span.last})\n" + "\n".join(block)
