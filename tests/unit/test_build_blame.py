"""Whose fault a failed build is, and what stands in for a base image."""

import pytest

from clients.docker.base_images import BaseImages
from clients.docker.diagnosis import platform_fault
from clients.docker.result import StreamResult
from clients.docker.stream import split_tag
from contract.errors import ErrorCode

LOCAL = {"assay/python:3.11", "assay/node:20", "assay/node:24", "assay/debian:12", "other:1"}


@pytest.mark.parametrize(
    ("image", "used", "musl"),
    [
        ("python:3.12-slim", "assay/python:3.11", False),
        ("docker.io/library/python", "assay/python:3.11", False),
        ("node:18", "assay/node:20", False),
        ("node:22-alpine", "assay/node:24", True),
        ("node:lts", "assay/node:24", False),
        ("alpine:3.20", "assay/debian:12", True),
        ("ubuntu:24.04", "assay/debian:12", False),
    ],
)
def test_the_nearest_stand_in_is_used(image, used, musl):
    found = BaseImages("auto").stand_in(image, LOCAL)

    assert found is not None
    assert (found.used, found.musl) == (used, musl)


def test_no_stand_in_for_an_unknown_family_or_a_private_image():
    assert BaseImages("auto").stand_in("golang:1.22", LOCAL) is None
    assert BaseImages("auto").stand_in("ghcr.example/python:3", LOCAL) is None


def test_an_explicit_map_is_the_only_one_that_counts():
    bases = BaseImages({"python:3.*": "mirror/python:3.12"})

    found = bases.mapped("library/python:3.9")
    assert found is not None
    assert found.used == "mirror/python:3.12"
    assert bases.stand_in("node:20", LOCAL) is None


def failed(command: str, said: str, code: int = 1) -> StreamResult:
    error = f"The command '/bin/sh -c {command}' returned a non-zero code: {code}"
    return StreamResult([f"Step 3/9 : RUN {command}\n", said + "\n"], error, code)


def test_apk_on_a_debian_stand_in_is_our_fault():
    alpine = BaseImages("auto").stand_in("python:3.12-alpine", LOCAL)
    assert alpine is not None

    fault = platform_fault(failed("apk add curl", "/bin/sh: 1: apk: not found", 127), [alpine])

    assert fault is not None
    assert fault.code is ErrorCode.FAILED_PRECONDITION
    assert "python:3.12-alpine -> assay/python:3.11" in fault.message


@pytest.mark.parametrize(
    "said",
    [
        "npm error code EAI_AGAIN",
        "NewConnectionError: Failed to establish a new connection",
        "Temporary failure resolving 'mirror'",
    ],
)
def test_an_unreachable_package_registry_is_our_fault(said):
    fault = platform_fault(failed("npm ci", said), [])

    assert fault is not None
    assert fault.code is ErrorCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("pip install x", "ERROR: No matching distribution found for nosuchpackage"),
        ("npm run build", "src/App.jsx: Unexpected token (3:4)"),
        ("python -c 1/0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_broken_app_stays_the_apps_fault_even_on_a_stand_in(command, said):
    stand_in = BaseImages("auto").stand_in("python:3.11", LOCAL)
    assert stand_in is not None

    assert platform_fault(failed(command, said), [stand_in]) is None


@pytest.mark.parametrize(
    "said",
    [
        "context canceled",
        "No such image: sha256:3e3b2741892d",
        "network assay-p-app1-build-5e6f not found",
        'connection error: desc = "transport: error while dialing unix:///run/containerd.sock:'
        ' connection refused"',
    ],
)
def test_a_build_that_its_engine_breaks_off_is_our_fault(said: str):
    fault = platform_fault(StreamResult(["Step 2/3 : RUN pip install x\n"], said), [])

    assert fault is not None
    assert fault.code is ErrorCode.UNAVAILABLE
    assert said[:40] in fault.message


def test_an_apps_own_output_is_no_word_of_the_engine():
    assert platform_fault(failed("make", "context canceled: network x not found", 2), []) is None


@pytest.mark.parametrize("code", [137, 143])
def test_a_killed_step_is_the_apps_fault_only_at_its_memory_limit(code: int):
    result = failed("npm run build", "Killed", code)

    fault = platform_fault(result, [])
    assert fault is not None
    assert (fault.code, "npm run build" in fault.message) == (ErrorCode.UNAVAILABLE, True)
    assert platform_fault(result, [], out_of_memory=True) is None


def test_a_step_whose_command_is_missing_is_the_apps_fault():
    said = (
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start"
        ' container process: exec: "nosuch": executable file not found in $PATH: unknown'
    )

    assert platform_fault(StreamResult(['Step 2/3 : RUN ["nosuch"]\n'], said), []) is None


def test_the_container_of_the_last_step_is_known():
    log = ["Step 1/2 : RUN a\n", " ---> Running in 0123456789ab\n", " ---> Running in no\n"]

    assert StreamResult(log).last_container() == "0123456789ab"
    assert StreamResult(["Step 1/1 : FROM x\n"]).last_container() == ""


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("python", ("python", "latest")),
        ("host:5000/a/b", ("host:5000/a/b", "latest")),
        ("host:5000/a:1", ("host:5000/a", "1")),
    ],
)
def test_split_tag(image, parts):
    assert split_tag(image) == parts
