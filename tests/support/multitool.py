"""The official SARIF multitool, installed by `make test-tools`, and the schema of the format."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / ".tools/tests/node_modules/@microsoft/sarif-multitool-linux"
# Else it needs libicu, which a bare Debian has not.
_ENVIRONMENT = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}


def multitool(*arguments: str) -> str:
    """Its standard output; it may exit with 1 where it found errors."""
    done = subprocess.run(
        [PACKAGE / "Sarif.Multitool", *arguments],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode in (0, 1), done.stdout[-2_000:] + done.stderr[-2_000:]
    return done.stdout


def errors_in(logs: Iterable[Path], output: Path, kinds: str = "Sarif;Ghas") -> list[str]:
    """Errors that the validator finds in these logs, as `file: rule: what`.

    Args:
        logs: files; without any, nothing is proven, which is an error.
        output: file for the validator's own log.
        kinds: of rules.
    """
    files = sorted(map(str, logs))
    assert files, "no log to validate"
    options = {
        "--rule-kind": kinds,
        "--level": "Error",
        "--log": "ForceOverwrite",
        "--max-file-size-in-kb": "1000000",  # else larger ones are passed over
        "--output": str(output),
    }
    said = multitool("validate", *files, *(word for option in options.items() for word in option))
    assert f"Done. {len(files)} files scanned." in said, said[-2_000:]
    runs: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))["runs"]
    return [_told(result) for run in runs for result in run.get("results", [])] + [
        str(notice["message"])
        for run in runs
        for invocation in run.get("invocations", [])
        for notice in invocation.get("toolExecutionNotifications", [])
        if notice.get("level") == "error"
    ]


def misfits_of(log: Path) -> list[str]:
    """Where a log violates the schema; the validator above ignores unknown words."""
    schema = json.loads((PACKAGE / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    found = validator.iter_errors(json.loads(log.read_bytes()))
    return [f"{log.name}: {error.json_path}: {error.message[:300]}" for error in found]


def _told(result: dict[str, Any]) -> str:
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    arguments = result["message"].get("arguments") or result["message"].get("text")
    return f"{place.get('uri', place.get('index'))}: {result['ruleId']}: {arguments}"
