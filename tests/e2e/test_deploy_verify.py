"""`deploy/verify` against a real stack: it passes when all is well, and names who is dead."""

import json
import signal
import subprocess
from typing import Any

import psutil

from cli.exits import Exit
from contract.analyzers import AnalyzerKind
from tests.e2e.conftest import ROOT, Assay


def verify(assay: Assay, *words: str) -> tuple[int, dict[str, Any], dict[str, dict[str, str]]]:
    command = [str(ROOT / "deploy/verify"), "--json", *words]
    done = subprocess.run(command, env=assay.env, capture_output=True, text=True, timeout=1_000)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    return done.returncode, document, {check["name"]: check for check in document["checks"]}


def test_a_stack_that_works_passes_and_what_is_off_is_not_measured(assay: Assay):
    code, document, checks = verify(assay)

    wrong = [check for check in checks.values() if check["outcome"] == "failed"]
    assert (code, wrong) == (Exit.OK, [])
    unknown = {name for name, one in checks.items() if one["outcome"] == "not_measured"}
    assert unknown == {"analyzer ai"}
    assert "no endpoint" in checks["analyzer ai"]["detail"]
    assert checks["tasks"]["detail"] == "exactly 4, none of them twice"
    assert checks.keys() >= {
        *(f"analyzer {kind}" for kind in AnalyzerKind),
        *("worker", "dashboard", "server", "store", "janitor", "versions", "pipeline", "leftovers"),
        *("static success", "dynamic success", "WebSocket timeouts"),
    }
    report = assay.report(document["pipeline_id"])
    assert len(report.apps) == 4


def test_an_analyzer_that_hangs_is_named_and_nothing_is_run(assay: Assay):
    (hung,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if "analyzers.dynamic" in (process.info["cmdline"] or ())
        and str(assay.data / "analyzers") in process.info["cmdline"]
    )
    hung.send_signal(signal.SIGSTOP)
    try:
        code, document, checks = verify(assay, "--patience", "0")
    finally:
        hung.send_signal(signal.SIGCONT)

    wrong = {name for name, check in checks.items() if check["outcome"] == "failed"}
    assert (code, wrong) == (Exit.UNVERIFIED, {"analyzer dynamic"})
    assert "no answer" in checks["analyzer dynamic"]["detail"]
    assert checks["analyzer dynamic"]["next_step"]
    assert document["pipeline_id"] == ""
