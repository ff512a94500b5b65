"""A registry that does not answer is the platform's; what it does not have is the app's to ask."""

import pytest

from clients import blame
from clients.blame import AppFault, PlatformFault
from clients.docker.diagnosis import build_fault
from clients.docker.result import StreamResult
from clients.substitution import Substitution
from contract.errors import ErrorCode, PlatformError


def failed(said: str, code: int = 1, before: str = "") -> StreamResult:
    error = f"The command '/bin/sh -c install' returned a non-zero code: {code}"
    log = [
        before,
        "Step 3/9 : RUN install\n",
        " ---> Running in 0123456789ab\n",
        said + "\n",
        error,
    ]
    return StreamResult([line for line in log if line], error, code)


ETARGET = "npm error code ETARGET\nnpm error notarget No matching version found for x@99.0.0.\n"
OLD = Substitution("python:3.8-slim", "assay/python:3.11")
NEW = Substitution("python:3.13-slim", "assay/python:3.11")
VERSIONS = "ERROR: Could not find a version that satisfies the requirement {} (from versions: {})\n"
NONE = "ERROR: No matching distribution found for x\n"

DOWN = {
    "npm: a name": "npm error code ENOTFOUND\nnpm error network request to https://r.invalid/x"
    " failed, reason: getaddrinfo ENOTFOUND r.invalid",
    "npm: 503": "npm error code E503\nnpm error 503 Service Unavailable - GET https://r.invalid/x",
    "npm: a login": "npm error code E401\nnpm error Incorrect or missing password.",
    "npm: too many": "npm ERR! code E429\nnpm ERR! 429 Too Many Requests - GET https://r.invalid/x",
    "pip: retries": "WARNING: Retrying (Retry(total=0)) after connection broken by"
    " 'NewConnectionError(...)': /simple/x/\n" + VERSIONS.format("x", "none") + NONE,
    "pip: 502": "ERROR: HTTP error 502 while getting https://r.invalid/x.whl",
    "apt": "E: Failed to fetch http://r.invalid/x.deb  503  Service Unavailable",
    "a certificate": "SSLCertVerificationError: certificate verify failed",
}
ASKED = {
    "npm: no such version": ETARGET,
    "npm: no such version after a hiccup": "npm warn ECONNRESET, trying again\n" + ETARGET,
    "npm: no such package": "npm error code E404\nnpm error 404  'x@1' is not in this registry.",
    "npm: peers": "npm error code ERESOLVE\nnpm error ERESOLVE could not resolve",
    "pip: no such version": VERSIONS.format("x==99.0", "1.0, 2.0") + NONE,
    "a module that is missing": "ModuleNotFoundError: No module named 'numpy'",
    "a file that is missing": "FileNotFoundError: [Errno 2] No such file or directory: 'a.txt'",
    "pip: no such package": VERSIONS.format("x", "none") + NONE,
    "a build that asks its own back end": "FetchError: connect ECONNREFUSED 127.0.0.1:5000",
    "a build that asks a service by name": "Error: getaddrinfo ENOTFOUND db",
    "a build that asks localhost": "requests.exceptions.ConnectionError: HTTPConnectionPool("
    "host='localhost', port=80): Max retries exceeded with url: /",
}


@pytest.mark.parametrize("said", DOWN.values(), ids=DOWN)
def test_a_registry_that_does_not_answer_is_not_the_apps_fault(said: str):
    found = build_fault("web", failed(said), [])

    assert isinstance(found, PlatformFault)
    assert (found.row, found.code) == ("registry-down", ErrorCode.UNAVAILABLE)


@pytest.mark.parametrize("said", ASKED.values(), ids=ASKED)
def test_what_a_registry_does_not_have_is_the_apps(said: str):
    found = build_fault("web", failed(said), [NEW])

    assert isinstance(found, AppFault)
    assert found.row == blame.BUILD_FAILED.key


def test_the_reason_quotes_the_line_that_tells():
    found = build_fault("web", failed(ETARGET), [])

    assert isinstance(found, AppFault)
    assert found.reason.endswith(
        "returned a non-zero code: 1: npm ETARGET: No matching version found for x@99.0.0."
    )


def test_a_hiccup_in_an_earlier_step_excuses_nothing():
    before = "WARNING: Retrying after connection broken by 'NewConnectionError'\n"
    found = build_fault("web", failed("NameError: name 'x' is not defined", before=before), [])

    assert isinstance(found, AppFault)


@pytest.mark.parametrize(
    ("one", "said", "platform"),
    [
        (OLD, VERSIONS.format("tensorflow==2.4.0", "2.12.0, 2.13.0"), True),
        (OLD, VERSIONS.format("flask==99.0", "1.0, 3.0"), False),
        (NEW, "ERROR: Ignored the following versions: 5.1 Requires-Python >=3.12", True),
        (NEW, "npm warn EBADENGINE Unsupported engine\n" + ETARGET, False),
        (
            Substitution("node:22", "assay/node:20"),
            "npm error code EBADENGINE\nnpm error engine Unsupported engine",
            True,
        ),
        (
            NEW,
            "COPY failed: stat usr/local/lib/python3.13/site-packages: file does not exist",
            True,
        ),
        (NEW, "COPY failed: file not found in build context: stat src: file does not exist", False),
        (NEW, "sh: 1: vite: not found", False),
        (NEW, "error: command 'gcc' failed: No such file or directory", True),
    ],
)
def test_a_version_that_only_the_stand_in_lacks_is_ours(one, said, platform):
    found = build_fault("web", failed(said, 127 if "vite" in said else 1), [one])

    assert isinstance(found, PlatformError) is platform
    if platform:
        assert isinstance(found, PlatformError)
        assert found.code is ErrorCode.FAILED_PRECONDITION
        assert str(one) in found.message


def test_a_build_at_its_memory_limit_says_so():
    found = build_fault("web", failed("Killed", 137), [], out_of_memory=True, memory_bytes=7)

    assert isinstance(found, AppFault)
    assert (found.row, "out of memory: 7 bytes" in found.reason) == (blame.BUILD_MEMORY.key, True)


@pytest.mark.parametrize(
    ("result", "row"),
    [
        (failed("Killed", 137), blame.BUILD_KILLED),
        (failed("tar: no space left on device"), blame.BUILD_ENGINE),
        (
            StreamResult([], "dockerfile parse error line 4: unknown instruction: EOF"),
            blame.UNSUPPORTED,
        ),
    ],
)
def test_what_the_builder_does_is_not_the_apps_fault(result, row):
    found = build_fault("web", result, [])

    assert isinstance(found, PlatformError)
    assert type(found) is type(blame.fault(row, "build", ""))
    assert found.code is blame.fault(row, "build", "").code
