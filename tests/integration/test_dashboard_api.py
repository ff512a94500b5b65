"""The API against its own description: every answer is as OpenAPI says it, whatever is asked.

schemathesis makes the requests, right ones and wrong ones, to a real server over a recorded
installation. Events are left out, since they never end, and revoking, since it would revoke the
token that it has.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dashboard_server import serving
from tests.support.dashboard_site import site_of, token_for
from tests.support.two_pipelines import MODEL, two_pipelines

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
# No Temporal server runs: a 503 that says so is a right answer. What no schema can say of a value
# (that a fingerprint is one of this pipeline) is refused with 400.
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501, 503]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 413, 414, 429, 501, 503]
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 413, 414, 415, 429, 503]
"""
# So that operations get behind their first look-up.
NAMES = f"""
[parameters]
"path.pipeline_id" = "after"
"path.model" = "{MODEL.replace("/", "%2F")}"
"path.app" = "app1"
"""
OPTIONS = (
    *("--max-examples", "12", "--seed", "1"),
    *("--exclude-path-regex", "events$|revoke$"),
    # A change without a token is refused with 403, which that check does not know: who may do what
    # is tested for every route by itself.
    *("--exclude-checks", "unsupported_method,missing_required_header"),
    *("--continue-on-failure", "--no-color"),
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("phase", "names"),
    [("fuzzing", ""), ("coverage", NAMES)],
    ids=["any names", "names that are there"],
)
async def test_each_answer_is_as_described(tmp_path: Path, phase: str, names: str):
    await two_pipelines(tmp_path)
    token = await token_for(site_of(tmp_path))
    more = ("--phases", phase, "--header", f"Authorization: Bearer {token}")
    (tmp_path / "schemathesis.toml").write_text(CONFIG + names)

    with serving(tmp_path) as address:
        done = subprocess.run(
            [SCHEMATHESIS, "run", f"{address}/api/v1/openapi.json", *OPTIONS, *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
