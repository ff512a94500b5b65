"""The table of weaknesses holds every security rule that the installed tools have."""

import json
import subprocess

from analyzers.static.fusion import fuse
from analyzers.static.tools import REPUTATIONS
from analyzers.static.tools.bandit import Bandit
from analyzers.static.tools.ruff import Ruff, classify
from analyzers.static.weaknesses import BANDIT_CWE
from contract.analysis import Coverage, Finding, Location, MeasurementState, Severity, ToolReport
from contract.families import families_of
from tests.support.static_run import TOOLS_DIR

_BANDIT = """
import json
from bandit.core import extension_loader as loader
known = loader.MANAGER
listed = {one["id"] for rows in known.blacklist.values() for one in rows}
print(json.dumps(sorted({*known.plugins_by_id, *listed})))
"""


def bandit_rules() -> list[str]:
    argv = [str(TOOLS_DIR / "venv/bin/python"), "-I", "-c", _BANDIT]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def ruff_rules() -> list[str]:
    argv = [str(TOOLS_DIR / "venv/bin/ruff"), "rule", "--all", "--output-format", "json"]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    rows = [row for row in json.loads(done.stdout) if row["code"] and "Stable" in row["status"]]
    codes = [row["code"] for row in rows]
    return [code for code in codes if code[0] == "S" and code[1].isdigit()]


def test_every_rule_of_bandit_has_its_weakness_from_us_or_names_a_habit():
    rules = bandit_rules()

    assert len(rules) > 60
    assert {rule for rule in rules if rule not in BANDIT_CWE} <= Bandit.reputation.advice


def test_twins_of_bandit_and_ruff_are_one_weakness():
    """`exec` was a command to one and code to the other, so that it was told twice."""

    def report(tool: str, rule: str, cwe: tuple[int, ...]) -> ToolReport:
        found = Finding(
            tool=tool,
            rule_id=rule,
            message=rule,
            severity=Severity.MEDIUM,
            cwe=cwe,
            location=Location(path="a.py", line=1),
        )
        covered = Coverage(unit="files", reached=1)
        state = MeasurementState.MEASURED
        return ToolReport(tool=tool, state=state, coverage=covered, findings=(found,))

    rules = ruff_rules()

    assert len(rules) > 50
    for rule in rules:
        twin = f"B{rule[1:]}"
        if rule not in Ruff.reputation.advice and twin in BANDIT_CWE:
            cwe = classify(rule)[0]
            both = report("ruff", rule, cwe), report("bandit", twin, BANDIT_CWE[twin])
            assert len(fuse(both, REPUTATIONS)) == 1, rule


def test_code_documents_and_loaders_are_no_commands_or_inputs():
    assert BANDIT_CWE["B102"] == BANDIT_CWE["B307"] == (95,)
    assert BANDIT_CWE["B506"] == (502,)
    xml = {BANDIT_CWE[f"B{number}"] for number in range(313, 320)}
    assert {families_of(cwe) for cwe in xml} == {frozenset({"xxe"})}
