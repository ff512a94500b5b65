"""Which line of a log a reason quotes; the logs are of real runs, shortened."""

import pytest

from clients.log_lines import MAX_CHARS, cause_line, error_line

NPM_ETARGET = """\
npm error code ETARGET
npm error notarget No matching version found for left-pad@99.0.0.
npm error notarget In most cases you or one of your dependencies are requesting
npm error notarget a package version that doesn't exist.
npm error A complete log of this run can be found in: /root/.npm/_logs/debug-0.log
"""
NPM_E404 = """\
npm ERR! code E404
npm ERR! 404 Not Found - GET https://registry.invalid/nosuch - Not found
npm ERR! 404
npm ERR! 404  'nosuch@^1.0.0' is not in this registry.
npm ERR! 404
npm ERR! 404 Note that you can also install from a
npm ERR! 404 tarball, folder, http url, or git folder.

npm ERR! A complete log of this run can be found in:
npm ERR!     /root/.npm/_logs/debug-0.log
"""
NPM_ERESOLVE = """\
npm error code ERESOLVE
npm error ERESOLVE unable to resolve dependency tree
npm error
npm error While resolving: shop@1.0.0
npm error Found: react@19.0.0
npm error node_modules/react
npm error   react@"19" from the root project
npm error
npm error Could not resolve dependency:
npm error peer react@"^17" from react-beautiful-dnd@13.1.1
npm error node_modules/react-beautiful-dnd
npm error
npm error Fix the upstream dependency conflict, or retry
npm error this command with --force or --legacy-peer-deps
npm error to accept an incorrect (and potentially broken) dependency resolution.
npm error A complete log of this run can be found in: /root/x.log
"""
NPM_NO_LOCK = """\
npm error code EUSAGE
npm error
npm error The `npm ci` command can only install with an existing package-lock.json or
npm error npm-shrinkwrap.json with lockfileVersion >= 1.
npm error A complete log of this run can be found in: /root/x.log
"""
VITE = """\
> shop@1.0.0 build
> vite build

\x1b[36mvite v5.0.0 \x1b[32mbuilding for production...\x1b[36m\x1b[39m
\x1b[31merror during build:\x1b[39m
[vite]: Rollup failed to resolve import "axios" from "/app/src/App.jsx".
    at viteWarn (file:///app/node_modules/vite/dist/node/chunks/dep.js:1:1)
npm error Lifecycle script `build` failed with error:
npm error code 1
npm error path /app
npm error command failed
npm error command sh -c vite build
"""
PIP = """\
Collecting flask==99.0
ERROR: Could not find a version that satisfies the requirement flask==99.0 (from versions: 3.0.0)
ERROR: No matching distribution found for flask==99.0
The command '/bin/sh -c pip install -r requirements.txt' returned a non-zero code: 1
"""
GUNICORN = """\
[2026-01-01 00:00:00 +0000] [7] [INFO] Booting worker with pid: 7
[2026-01-01 00:00:00 +0000] [7] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/app/app.py", line 3, in <module>
    import flask_cors
ModuleNotFoundError: No module named 'flask_cors'
[2026-01-01 00:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)
[2026-01-01 00:00:00 +0000] [1] [ERROR] Worker (pid:7) exited with code 3
[2026-01-01 00:00:00 +0000] [1] [ERROR] Shutting down: Master
[2026-01-01 00:00:00 +0000] [1] [ERROR] Reason: Worker failed to boot.
"""
OLD_GUNICORN = """\
django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.
[2026-01-01 00:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)
Traceback (most recent call last):
  File "/usr/local/bin/gunicorn", line 8, in <module>
    sys.exit(run())
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
"""
UVICORN = """\
INFO:     Started server process [7]
INFO:     Waiting for application startup.
ERROR:    Traceback (most recent call last):
  File "/app/main.py", line 9, in startup
    os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'

ERROR:    Application startup failed. Exiting.
"""
ASGI = 'ERROR:    Error loading ASGI app. Could not import module "main".\n'
NODE = """\
node:internal/modules/cjs/loader:1143
  throw err;
  ^

Error: Cannot find module 'express'
Require stack:
- /app/server.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1140:15) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/app/server.js' ]
}

Node.js v20.18.0
"""
NODE_SYNTAX = """\
/app/server.js:7
const app = express(;
                    ^

SyntaxError: Unexpected token ';'
    at wrapSafe (node:internal/modules/cjs/loader:1378:20)

Node.js v20.18.0
"""
PYTHON_SYNTAX = """\
  File "/app/app.py", line 1
    ```python
    ^
SyntaxError: invalid syntax
"""
CHAINED = """\
Traceback (most recent call last):
  File "/app/a.py", line 1, in <module>
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 4, in <module>
sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file
(Background on this error at: https://sqlalche.me/e/20/e3q8)
"""
APT = """\
Reading package lists...
E: Unable to locate package libfoo-dev
The command '/bin/sh -c apt-get install libfoo-dev' returned a non-zero code: 100
"""
TSC = """\
src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.
npm error code 2
npm error command failed
"""
NGINX = """\
2026/01/01 00:00:00 [emerg] 1#1: host not found in upstream "api" in /etc/nginx/nginx.conf:3
"""

LOGS = {
    "npm: no such version": (
        NPM_ETARGET,
        "npm ETARGET: No matching version found for left-pad@99.0.0.",
    ),
    "npm: no such package": (NPM_E404, "npm E404: 'nosuch@^1.0.0' is not in this registry."),
    "npm: peers": (
        NPM_ERESOLVE,
        'npm ERESOLVE: unable to resolve dependency tree; peer react@"^17" from'
        " react-beautiful-dnd@13.1.1",
    ),
    "npm: no lock": (
        NPM_NO_LOCK,
        "npm EUSAGE: The `npm ci` command can only install with an existing package-lock.json or",
    ),
    "npm: script": ('npm error Missing script: "build"\n', 'npm: Missing script: "build"'),
    "vite": (
        VITE,
        'error during build: [vite]: Rollup failed to resolve import "axios" from'
        ' "/app/src/App.jsx".',
    ),
    "pip": (PIP, "ERROR: No matching distribution found for flask==99.0"),
    "gunicorn": (GUNICORN, "ModuleNotFoundError: No module named 'flask_cors'"),
    "older gunicorn": (
        OLD_GUNICORN,
        "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
    ),
    "uvicorn": (UVICORN, "KeyError: 'DATABASE_URL'"),
    "uvicorn without the module": (ASGI, ASGI.strip().replace("    ", " ")),
    "node": (NODE, "Error: Cannot find module 'express'"),
    "node syntax": (NODE_SYNTAX, "SyntaxError: Unexpected token ';' (server.js, line 7)"),
    "python syntax": (PYTHON_SYNTAX, "SyntaxError: invalid syntax (app.py, line 1)"),
    "the last of a chain": (
        CHAINED,
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file",
    ),
    "apt": (APT, "E: Unable to locate package libfoo-dev"),
    "typescript": (
        TSC,
        TSC.splitlines()[0],
    ),
    "nginx": (NGINX, NGINX.strip()),
    "plain words": ("starting\nno database configured\n", "no database configured"),
    "overwritten progress": ("10%\r50%\r100% done\r\n", "100% done"),
    "nothing": ("\n \n", ""),
}


@pytest.mark.parametrize(("log", "line"), LOGS.values(), ids=LOGS)
def test_the_line_that_says_why_is_quoted(log: str, line: str):
    assert cause_line(log) == line


def test_only_what_calls_itself_an_error_explains_a_death():
    assert error_line("GET / 200\nGET /x 404\n") == ""
    assert error_line(GUNICORN) == "ModuleNotFoundError: No module named 'flask_cors'"


@pytest.mark.parametrize(
    "log",
    [
        "\x1b[31mboom\x1b[0m",
        "\x1b]0;title\x07boom",
        "\x00bo\x7fom\x9f",
        "bo\u200b\u202eom",
    ],
)
def test_no_control_character_reaches_a_reason(log: str):
    assert cause_line(log) == "boom"


def test_a_long_or_endless_line_is_cut_and_does_not_take_long():
    assert len(cause_line("a" * 5_000_000)) == MAX_CHARS
    assert cause_line(("at " + "(" * 900 + "\n") * 2_000)
    assert cause_line(("Error" * 190 + "\n") * 2_000)
    assert cause_line(b"\xff\xfe: broken")
