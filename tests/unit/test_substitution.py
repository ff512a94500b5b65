"""What a stand-in may have caused, and what it cannot have: logs of starts and builds."""

import pytest

from clients.docker.base_images import BaseImages
from clients.substitution import Substitution, start_cause

LOCAL = {
    "assay/python:3.11",
    "assay/node:20",
    "assay/node:24",
    "assay/nginx:1.22",
    "assay/debian:12",
}


def python(tag: str) -> Substitution:
    return Substitution(f"python:{tag}", "assay/python:3.11", "alpine" in tag)


def node(tag: str, used: str = "20") -> Substitution:
    return Substitution(f"node:{tag}", f"assay/node:{used}", "alpine" in tag)


def syntax(line: str, said: str = "invalid syntax") -> str:
    return f'  File "/app/app.py", line 1\n    {line}\n    ^^^^\nSyntaxError: {said}\n'


CAUSED = {
    "a type statement": (python("3.13-slim"), syntax("type Row = dict[str, int]")),
    "a generic function": (
        python("3.12"),
        syntax("def first[T](rows: list[T]) -> T:", "expected '('"),
    ),
    "a generic class": (python("latest"), syntax("class Box[T]:", "invalid syntax")),
    "quotes in an f-string": (
        python("3"),
        syntax("""print(f"{row["name"]}")""", "f-string: unmatched '['"),
    ),
    "two exceptions without parentheses": (
        python("3.14-slim"),
        syntax("except ValueError, KeyError:", "multiple exception types must be parenthesized"),
    ),
    "a template string": (python("3.14"), syntax("page = t'<p>{name}'")),
    "a name of an older grammar": (python("3.6"), syntax("def run(self, async=False):")),
    "a new standard module": (python("3.14"), "ModuleNotFoundError: No module named 'compression'"),
    "a new name of a standard module": (
        python("3.12-slim"),
        "ImportError: cannot import name 'override' from 'typing' (/usr/lib/python3.11/typing.py)",
    ),
    "a new function of a standard module": (
        python("3.13"),
        "AttributeError: module 'copy' has no attribute 'replace'",
    ),
    "a function that is gone": (
        python("3.8-slim"),
        "AttributeError: module 'asyncio' has no attribute 'coroutine'",
    ),
    "what Debian packages apart": (
        python("3.11"),
        "ModuleNotFoundError: No module named 'tkinter'",
    ),
    "a library": (
        python("3.11"),
        "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
    ),
    "the C library": (
        node("20"),
        "/lib/libm.so.6: version `GLIBC_2.38' not found (required by x.node)",
    ),
    "a tool of the image": (
        python("3.11"),
        "FileNotFoundError: [Errno 2] No such file or directory: 'git'",
    ),
    "a tool in a start script": (node("20-alpine"), "./start.sh: line 3: curl: command not found"),
    "the image's own entry point": (
        node("20-alpine"),
        'runtime create failed: exec: "docker-entrypoint.sh": executable file not found in $PATH',
    ),
    "a missing user": (
        node("20"),
        "unable to find user www-data2: no matching entries in passwd file",
    ),
    "an option": (node("23"), "node: bad option: --experimental-strip-types"),
    "a built-in module": (
        node("22"),
        "Error [ERR_UNKNOWN_BUILTIN_MODULE]: No such built-in module: node:sqlite",
    ),
    "TypeScript": (
        node("24"),
        'TypeError [ERR_UNKNOWN_FILE_EXTENSION]: Unknown file extension ".ts" for /a.ts',
    ),
    "a module that is required": (
        node("22"),
        "Error [ERR_REQUIRE_ESM]: require() of ES Module /app/x.mjs",
    ),
    "a new function": (node("22"), "TypeError: Object.groupBy is not a function"),
    "a new global": (node("22"), "ReferenceError: WebSocket is not defined"),
    "OpenSSL": (node("16"), "Error: error:0308010C:digital envelope routines::unsupported"),
    "an unhandled rejection": (
        node("14"),
        "      triggerUncaughtException(err, true /* fromPromise */);\n\nError: no database",
    ),
    "a script for another shell": (
        python("3.11-alpine"),
        "[FATAL tini (7)] exec ./start.sh failed: No such file or directory",
    ),
    "nginx": (
        Substitution("nginx:1.27-alpine", "assay/nginx:1.22", True),
        'nginx: [emerg] unknown directive "http2" in /etc/nginx/conf.d/default.conf:3',
    ),
    "packages of another image's path": (
        python("3.11-slim"),
        "COPY failed: stat usr/local/lib/python3.11/site-packages: file does not exist",
    ),
}
NOT_CAUSED = {
    "a name": (python("3.13"), "NameError: name 'app' is not defined"),
    "an own module": (python("3.13"), "ModuleNotFoundError: No module named 'models'"),
    "a package": (python("3.13"), "ModuleNotFoundError: No module named 'flask_cors'"),
    "a name of a package": (
        python("3.9"),
        "ImportError: cannot import name 'escape' from 'jinja2' (/x.py)",
    ),
    "Markdown": (python("3.13-slim"), syntax("```python")),
    "prose": (python("3.13-slim"), syntax("Here is the complete application:")),
    "Python 2": (python("3"), syntax("print 'hello'", "Missing parentheses in call to 'print'")),
    "a file that ends too early": (
        python("3.12"),
        syntax("return jsonify({", "'{' was never closed"),
    ),
    "grammar that both know": (python("3.13"), syntax("match command:")),
    "new grammar on the same version": (python("3.11-slim"), syntax("type Row = dict[str, int]")),
    "a module of another version on the same": (
        python("3.11"),
        "ImportError: cannot import name 'override' from 'typing' (/usr/lib/python3.11/typing.py)",
    ),
    "a package's command": (node("20"), "sh: 1: vite: not found"),
    "a script of its own": (python("3.12"), "/bin/sh: 1: ./start.sh: not found"),
    "a module of Node's": (node("22"), "Error: Cannot find module 'express'"),
    "a function of its own": (node("22"), "TypeError: app.lisen is not a function"),
    "a global of its own": (node("22"), "ReferenceError: db is not defined"),
    "an unhandled rejection of today": (
        node("22"),
        "      triggerUncaughtException(err, true /* fromPromise */);\n\nError: no database",
    ),
    "an unhandled rejection since 15": (
        node("16"),
        "      triggerUncaughtException(err, true /* fromPromise */);\n\nError: no database",
    ),
    "a script that is not there": (
        python("3.11-slim"),
        "[FATAL tini (7)] exec ./start.sh failed: No such file or directory",
    ),
    "require in a module": (
        node("18"),
        "ReferenceError: require is not defined in ES module scope",
    ),
    "OpenSSL where it is the same": (
        node("18"),
        "Error: error:0308010C:digital envelope routines::unsupported",
    ),
    "an upstream": (
        Substitution("nginx:1.27", "assay/nginx:1.22"),
        'nginx: [emerg] host not found in upstream "api" in /etc/nginx/conf.d/default.conf:3',
    ),
    "a database": (python("3.12"), "sqlite3.OperationalError: no such table: users"),
}


@pytest.mark.parametrize(("one", "log"), CAUSED.values(), ids=CAUSED)
def test_what_the_stand_in_may_have_caused_names_it(one: Substitution, log: str):
    cause = start_cause(log, [one])

    assert cause.startswith(f"base image {one.original} -> {one.used}")
    assert start_cause(log, []) == ""


@pytest.mark.parametrize(("one", "log"), NOT_CAUSED.values(), ids=NOT_CAUSED)
def test_what_has_nothing_to_do_with_the_stand_in_stays_the_apps(one: Substitution, log: str):
    assert start_cause(log, [one]) == ""


def test_a_hostile_log_does_not_take_long():
    line = "(" * 900 + ":= f'" + "{" * 900 + " not found"
    assert (
        start_cause("\n".join([line] * 500) + "\nSyntaxError: x", [python("3.13"), node("23")])
        == ""
    )


@pytest.mark.parametrize(
    ("image", "used"),
    [
        ("python:2.7", None),
        ("python:2", None),
        ("docker.io/library/python:2.7-slim@sha256:0", None),
        ("python:4.0", None),
        ("node:8", None),
        ("node:carbon-alpine", None),
        ("node:10-alpine", None),
        ("debian:stretch", None),
        ("nginx:2", None),
        ("python:3.6", "assay/python:3.11"),
        ("python:slim-bookworm", "assay/python:3.11"),
        ("node:16", "assay/node:20"),
        ("node:hydrogen", "assay/node:20"),
        ("nginx:stable-alpine", "assay/nginx:1.22"),
        ("debian:bookworm-slim", "assay/debian:12"),
        ("ubuntu:24.04", "assay/debian:12"),
    ],
)
def test_another_major_version_is_another_program(image: str, used: str | None):
    found = BaseImages("auto").stand_in(image, LOCAL)

    assert (found.used if found else None) == used


def test_not_even_a_map_serves_python_2_with_python_3():
    bases = BaseImages({"python:*": "mirror/python:3.12", "node:*": "own:1"})

    assert bases.mapped("python:2.7") is None
    assert bases.mapped("python:3.9") == Substitution("python:3.9", "mirror/python:3.12")
    assert bases.mapped("node:8") == Substitution("node:8", "own:1")
