"""What was put in the place of a base image, and which failures that may have caused.

`app_failed` needs proof that the app would also fail on its own image. A failure on a stand-in is
therefore compared with the differences between the two images: an older interpreter, a module or
tool that Debian packages separately, another distribution. Other failures stay the app's.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NEWEST = 10_000


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Standard modules that Debian packages separately from the interpreter.
_APART = _names("distutils ensurepip idlelib lib2to3 tkinter _tkinter _gdbm test turtledemo")
# Standard modules of other versions than the running one.
_OTHERS = _names(
    "annotationlib asynchat asyncore binhex cgi cgitb compression crypt dummy_threading formatter"
    " graphlib imghdr imp macpath mailcap msilib nis nntplib ossaudiodev parser pipes smtpd sndhdr"
    " spwd sunau symbol telnetlib tomllib uu xdrlib zoneinfo"
)
_STDLIB = _APART | _OTHERS | sys.stdlib_module_names
# Commands that official images bring along; start scripts and packages of an app are none.
_IMAGE_TOOLS = _names(
    "bash sh ash dash python python3 pip pip3 perl node nodejs npm npx yarn yarnpkg pnpm corepack"
    " git hg svn curl wget gcc g++ cc c++ make cmake pkg-config openssl envsubst nginx nginx-debug"
    " nc ping netstat ps pgrep pkill tini su-exec gosu psql mysql mysqladmin sqlite3 convert"
    " identify magick xz unzip zip file less vi adduser addgroup apk apt apt-get dpkg ffmpeg"
    " docker-entrypoint.sh idle3 pydoc3 python3-config python-config"
)
_MISSING_COMMAND = (
    re.compile(r'exec: \\?"([^"\\]{1,200})\\?": (?:executable file not found|no such file)'),
    re.compile(r"(?:^|: )(?:line )?\d*:? ?([\w./+-]{1,80}): (?:command )?not found\s*$"),
    re.compile(r"\bexec:? '?([\w./+-]{1,80})'? failed: No such file or directory"),
    re.compile(r"No such file or directory: '([\w./+-]{1,80})'"),
    re.compile(r"\bspawn(?:Sync)? ([\w./+-]{1,80}) ENOENT"),
    re.compile(r"/usr/bin/env: '?([\w./+-]{1,80})'?: No such file"),
)
_LIBRARY = re.compile(
    r"error while loading shared libraries|cannot open shared object file"
    r"|cannot load library '|Library not loaded|version `GLIBC\w*_[\d.]+' not found|libmusl|ld-musl"
    r"|invalid ELF header|was compiled against a different Node\.js version|NODE_MODULE_VERSION"
    r"|Could not find the Qt platform|Could not locate \w+ library|unable to find library",
)
_USER = re.compile(r"unable to find (?:user|group) |no matching entries in (?:passwd|group) file")
_STDLIB_LACKS = (
    re.compile(r"No module named '([\w.]{1,100})'"),
    re.compile(r"cannot import name '\w+' from '([\w.]{1,100})'"),
    re.compile(r"module '([\w.]{1,100})' has no attribute"),
)
# Grammar by the version that added it: an older interpreter reports an error at such a line.
_GRAMMAR = (
    ((3, 8), re.compile(r"\(\s*\w+\s*:=|\bdef\b.*/\s*[,)]|\bf[\"'].*=\}")),
    ((3, 9), re.compile(r"^\s*(?:async\s+)?with\s*\(|^\s*@.*[\[(].*\]")),
    ((3, 10), re.compile(r"^\s*(?:match|case)\s.+:\s*(?:#.*)?$")),
    ((3, 11), re.compile(r"^\s*except\s*\*|\[\s*\*\w+")),
    ((3, 12), re.compile(
        r"^\s*type\s+\w+(?:\[.*\])?\s*=|^\s*(?:async\s+)?(?:def|class)\s+\w+\["
        r"|Error: f-string|\b[fF][rR]?[\"'].*\{.*[\"'\\].*\}"
    )),
    ((3, 13), re.compile(r"^\s*(?:def|class|type)\s+\w+\[.*=.*\]")),
    ((3, 14), re.compile(
        r"^\s*except\s+[\w.]+\s*,\s*[\w.]+.*:|must be parenthesized|\bt[\"'].*\{"
    )),
    ((3, 15), re.compile(r"^\s*lazy\s+(?:import|from)\b")),
)  # fmt: skip
# Words that cannot be names since 3.7: older code fails on a newer interpreter.
_OLD_PYTHON = re.compile(r"\b(?:async|await)\s*=|[(,]\s*(?:async|await)\s*=|\.(?:async|await)\b")
_NODE_NEWER = re.compile(
    r"bad option: |is not allowed in NODE_OPTIONS|No such built-in module: node:"
    r"|ERR_UNKNOWN_BUILTIN_MODULE|ERR_REQUIRE_ESM"
    r"|The requested module 'node:\w+' does not provide an export"
    r"|(?:WebSocket|navigator|CustomEvent|EventSource|Iterator|localStorage|URLPattern|Float16Array"
    r"|Temporal) is not defined"
    r"|\.(?:groupBy|to(?:Sorted|Reversed|Spliced)|findLast\w*|difference|union|intersection"
    r"|symmetricDifference|is(?:SubsetOf|SupersetOf|DisjointFrom)|(?:to|from)(?:Base64|Hex)|fromAsync"
    r"|withResolvers|loadEnvFile|getBuiltinModule|glob(?:Sync)?|styleText|parseEnv|matchesGlob"
    r"|isError|sumPrecise|waitAsync|try) is not a function|RegExp\.escape is not a function"
)
_TYPESCRIPT = re.compile(
    r"ERR_UNKNOWN_FILE_EXTENSION.*\.[mc]?ts\b|Unknown file extension \"\.[mc]?ts\""
)
# Node.js has OpenSSL 3 since 17; since 15 an unhandled rejection ends the process.
_NODE_OLDER = {
    17: re.compile(r"ERR_OSSL_|digital envelope routines::|OPENSSL_internal"),
    15: re.compile(
        r"fromPromise \*/\)|ERR_UNHANDLED_REJECTION"
        r"|This error originated either by throwing inside of an async function"
    ),
    12: re.compile(r"primordials is not defined"),
}
# A script whose interpreter is missing looks like a missing script.
_NO_INTERPRETER = re.compile(r"exec:? \S{1,200} failed: No such file|exec \S{1,200}: no such file")
_OPENSSL = re.compile(
    r"unsupported legacy|UNSAFE_LEGACY|dh key too small|ee key too small|::unsupported"
)
_NGINX = re.compile(
    r"\[emerg\].*(?:unknown directive|unknown \"?\w+\"? variable|invalid parameter|dlopen\(\)"
    r"|unknown log format|no \"?ssl)|invalid number of arguments"
)
# Places where another image has its files; a later stage copies installed packages from there.
_COPIED = re.compile(
    r"(?:COPY failed: stat |No such file or directory:? '?"
    r"|failed to (?:compute cache key|calculate checksum)[\w :-]{0,120}: \")/?"
    r"(?:usr/(?:local/)?lib/(?:python|node_modules)|home/node\b|docker-entrypoint\.d"
    r"|etc/nginx/(?:templates|modules)|opt/yarn)[\w./-]*"
)


@dataclass(frozen=True, slots=True)
class Substitution:
    """`original` was replaced by `used`; `musl`: the original has the tools of Alpine."""

    original: str
    used: str
    musl: bool = False

    def __str__(self) -> str:
        return f"base image {self.original} -> {self.used}"

    @property
    def family(self) -> str:
        """`python`, `node`, `nginx` or another repository, as in the original's name."""
        return self.original.split("@")[0].rpartition("/")[2].partition(":")[0]

    def age(self, parts: int) -> int:
        """-1: `used` is older than `original`; 1: it is newer; 0: equal in the first `parts`."""
        wanted = (*version_of(self.original), NEWEST, NEWEST)[:parts]
        used = (*version_of(self.used), 0, 0)[:parts]
        return (used > wanted) - (used < wanted)


def version_of(image: str) -> tuple[int, ...]:
    """Leading numbers of the tag. A tag without any (`latest`, `lts`, none) means the newest."""
    tag = image.split("@")[0].rpartition("/")[2].partition(":")[2]
    match = re.match(r"\d{1,4}(?:\.\d{1,4})*", tag)
    return tuple(int(part) for part in match[0].split(".")) if match else (NEWEST,)


def start_cause(log: str, substitutions: Sequence[Substitution]) -> str:
    """How a substitution may have caused the error in `log`; empty when it cannot have."""
    tail = log[-20_000:]
    for substitution in substitutions:
        for text in _of_family(substitution, tail):
            return f"{substitution}: {text}"
    return _of_any(substitutions, tail)


def _of_any(substitutions: Sequence[Substitution], tail: str) -> str:
    if not substitutions:
        return ""
    for lacking, pattern in (("a library", _LIBRARY), ("a user", _USER), ("a folder", _COPIED)):
        if match := pattern.search(tail):
            return f"{substitutions[0]} may lack {lacking} of the original: {line_at(tail, match)}"
    musl = [substitution for substitution in substitutions if substitution.musl]
    if musl and (match := _NO_INTERPRETER.search(tail)):
        return f"{musl[0]} is another distribution: {line_at(tail, match)}"
    if (match := missing_tool(tail)) is not None:
        return f"{substitutions[0]} may lack a tool of the original: {line_at(tail, match)}"
    return ""


def missing_tool(tail: str) -> re.Match[str] | None:
    """The place in `tail` that says that a command of official images is missing."""
    for pattern in _MISSING_COMMAND:
        for line in re.finditer(r"[^\n]+", tail):
            match = pattern.search(tail, line.start(), line.end())
            if match is None:
                continue
            folder, _, name = match[1].rpartition("/")
            in_image = folder in ("", "/bin", "/usr/bin", "/usr/local/bin", "/usr/sbin", "/sbin")
            if name in _IMAGE_TOOLS and in_image:
                return match
    return None


def _of_family(substitution: Substitution, tail: str) -> Iterator[str]:
    if substitution.family == "python":
        yield from _of_python(substitution, tail)
    elif substitution.family == "node":
        yield from _of_node(substitution, tail)
    elif substitution.family == "nginx" and substitution.age(2) and (match := _NGINX.search(tail)):
        yield f"another version of nginx: {line_at(tail, match)}"


def _of_python(substitution: Substitution, tail: str) -> Iterator[str]:
    age = substitution.age(2)
    if match := re.search(r"^.*(?:SyntaxError|IndentationError): .*$", tail, re.MULTILINE):
        context = tail[max(0, match.start() - 1_500) : match.end()].split("\n")[-6:]
        if age < 0 and any(_is_newer(substitution, line) for line in context):
            yield f"its grammar is older: {match[0].strip()[:200]}"
        if age > 0 and any(_OLD_PYTHON.search(line) for line in context):
            yield f"its grammar is newer: {match[0].strip()[:200]}"
    for pattern in _STDLIB_LACKS:
        for match in pattern.finditer(tail):
            if _lacks(match[1], age):
                yield f"its standard library differs: {line_at(tail, match)}"
    if age and (match := _OPENSSL.search(tail)):
        yield f"its OpenSSL differs: {line_at(tail, match)}"


def _is_newer(substitution: Substitution, line: str) -> bool:
    """Whether `line` has grammar that the original knows and the stand-in does not."""
    used, wanted = (
        version_of(substitution.used)[:2],
        (*version_of(substitution.original), NEWEST)[:2],
    )
    return any(used < since <= wanted and rule.search(line) for since, rule in _GRAMMAR)


def _lacks(module: str, age: int) -> bool:
    """Whether the stand-in may lack `module`, or a name in it."""
    top = module.partition(".")[0]
    return top in _APART or (age != 0 and top in _STDLIB)


def _of_node(substitution: Substitution, tail: str) -> Iterator[str]:
    if (match := _NODE_NEWER.search(tail)) and substitution.age(2) < 0:
        yield f"its Node.js is older: {line_at(tail, match)}"
    if (
        (match := _TYPESCRIPT.search(tail))
        and version_of(substitution.original) >= (22,)
        and substitution.age(2) < 0
    ):
        yield f"its Node.js is older and runs no TypeScript: {line_at(tail, match)}"
    for since, pattern in _NODE_OLDER.items():
        is_newer = version_of(substitution.original) < (since,) <= version_of(substitution.used)
        if is_newer and (match := pattern.search(tail)):
            yield f"its Node.js is newer: {line_at(tail, match)}"


def line_at(text: str, match: re.Match[str]) -> str:
    """The line in which `match` begins, cut to 200 characters."""
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.start())
    return " ".join(text[start : end if end >= 0 else None].split())[:200]
