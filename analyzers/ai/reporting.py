"""What both tools report in the same way: hidden lines as findings, calls and settings as data."""

from typing import Any

from analyzers.ai.config import AiConfig
from analyzers.ai.injection import Injection
from analyzers.ai.panel import Hearing
from analyzers.runtime.grades import Grades
from contract.analysis import Category, Confidence, Finding, Location, Severity
from contract.identity import fingerprint

ASKED, HIDDEN = "requirement not met", "text for a reviewer"
GRADES = Grades("finding", {ASKED: Severity.MEDIUM, HIDDEN: Severity.MEDIUM})
# CWE-1427: improper neutralization of input used for LLM prompting.
_CWE_PROMPT_INJECTION = 1427


def injection_finding(tool: str, injection: Injection) -> Finding:
    """The finding for text in the app that addresses its reviewer."""
    return Finding(
        tool=tool,
        rule_id=f"prompt-injection/{injection.rule}",
        message="Text that addresses an AI reviewer; it was withheld from the judges.",
        severity=GRADES.of(HIDDEN),
        confidence=Confidence.MEDIUM,
        category=Category.QUALITY,
        cwe=(_CWE_PROMPT_INJECTION,),
        location=Location(
            path=injection.path, line=injection.first or None, end_line=injection.last or None
        ),
        fingerprint=fingerprint(tool, injection.rule, injection.path or "", injection.excerpt),
        evidence=injection.excerpt,
    )


def settings_data(config: AiConfig, hearing: Hearing[Any]) -> dict[str, Any]:
    """Everything needed to repeat the hearing, except for the key and the prices."""
    return {
        "endpoint": config.base_url,
        "models": list(config.models),
        "temperature": config.temperature,
        "seed": config.seed,
        "max_output_tokens": config.max_output_tokens,
        "json_mode": config.json_mode,
        "parts": [[str(span) for span in part.spans] for part in hearing.parts],
        "withheld_names": dict(hearing.shown.names),
        "calls": hearing.costs.data(),
        "budget_usd": config.budget_usd,
        "judges_without_opinion": {
            opinion.model: {"reason": opinion.failure, "unread": list(opinion.unread)}
            for opinion in hearing.missing
        },
    }
