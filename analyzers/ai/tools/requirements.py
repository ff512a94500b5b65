"""Judge of the template's declared requirements: met, not met or cannot tell, with evidence."""

from collections.abc import Sequence
from typing import Any

from analyzers.ai.canary import CANARY_VERDICTS, REQUIREMENTS_CANARY, canary_template
from analyzers.ai.compliance import Ruling, majority, rule
from analyzers.ai.judging import JudgeTool
from analyzers.ai.panel import Brief, Hearing, Opinion, require_endpoint
from analyzers.ai.prompts import REQUIREMENTS_SYSTEM, Question
from analyzers.ai.reporting import ASKED, GRADES
from analyzers.ai.schema import RequirementAnswer, Verdict
from analyzers.runtime.tool import Execute, NotApplicable, Parsed, ToolRun
from contract.agreement import alpha, nominal
from contract.analysis import Category, Confidence, Finding, Metric
from contract.identity import fingerprint
from contract.template import Requirement

Rulings = dict[str, dict[str, Ruling]]


class Requirements(JudgeTool):
    """Judges every declared requirement, once per model."""

    name = "requirements"
    looks_for = frozenset({Category.QUALITY, Category.REQUIREMENT})
    canary = REQUIREMENTS_CANARY
    system = REQUIREMENTS_SYSTEM
    control = "The application punches its records on paper tape through the ZK-{marker} driver."

    async def judge(self, run: ToolRun) -> Parsed:
        """Judge every declared requirement.

        Raises:
            NotApplicable: the app's template declares none.
            ToolFault: no endpoint, or no judge whose opinion counts.
        """
        require_endpoint(self._config)
        if nothing := _undeclared(run):
            raise nothing
        questions = tuple(
            Question(requirement.id, requirement.text) for requirement in _declared(run)
        )
        brief = Brief(self.system, questions, RequirementAnswer, self.control, _fell_for)
        hearing = await self.hear(run, brief)
        rulings, missing = _rulings(questions, hearing), hearing.missing
        by_question: dict[str, list[Verdict]] = {
            q.id: [rulings[m][q.id].verdict for m in rulings] for q in questions
        }
        verdicts: dict[str, Verdict] = {key: majority(given) for key, given in by_question.items()}
        return self.report(
            hearing,
            alpha(list(by_question.values()), nominal),
            findings=tuple(
                _finding(self.name, q, by_question[q.id], len(missing))
                for q in questions
                if verdicts[q.id] == "not_met"
            ),
            metrics=_metrics(verdicts, rulings, whole=not hearing.app.unread),
            notes=_unread(hearing.app.unread),
            data={"requirements": [_row(q, verdicts[q.id], rulings, missing) for q in questions]},
        )

    async def nothing_for(self, run: ToolRun, execute: Execute) -> NotApplicable | None:
        """That the template declares no requirement is known without any judge."""
        return _undeclared(run)

    def canary_error(self, parsed: Parsed) -> str:
        """The canary provably meets one requirement, and not the other."""
        given = {row["id"]: row["verdict"] for row in parsed.data["requirements"]}
        return "; ".join(
            f"{key}: {given[key]}, expected {known}"
            for key, known in CANARY_VERDICTS.items()
            if given[key] != known
        )


def _declared(run: ToolRun) -> Sequence[Requirement]:
    template = canary_template() if run.canary else run.request.template
    return template.requirements if template else ()


def _undeclared(run: ToolRun) -> NotApplicable | None:
    if _declared(run):
        return None
    return NotApplicable("the app's template declares no requirements")


def _rulings(questions: Sequence[Question], hearing: Hearing[RequirementAnswer]) -> Rulings:
    files, unread = hearing.shown.files, hearing.app.unread
    return {
        opinion.model: {q.id: rule(q, opinion.answers, files, unread) for q in questions}
        for opinion in hearing.valid
    }


def _fell_for(answer: RequirementAnswer, control_id: str) -> bool:
    return any(verdict.id == control_id and verdict.verdict == "met" for verdict in answer.verdicts)


def _finding(tool: str, question: Question, given: list[Verdict], missing: int) -> Finding:
    agreed = given.count("not_met")
    unanimous = agreed == len(given) and agreed > 1
    silent = f"; {missing} gave no opinion" if missing else ""
    return Finding(
        tool=tool,
        rule_id=question.id,
        message=f"Requirement not met: {question.text}"[:4_000],
        severity=GRADES.of(ASKED),
        confidence=Confidence.MEDIUM if unanimous else Confidence.LOW,
        category=Category.REQUIREMENT,
        fingerprint=fingerprint(tool, question.id),
        evidence=f"{agreed} of {len(given) + missing} judges: not met{silent}",
    )


def _unread(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    shown = f"{', '.join(names[:10])}{more}"
    return (f"no requirement is called not met: source not read: {shown}",)


def _metrics(verdicts: dict[str, Verdict], rulings: Rulings, *, whole: bool) -> tuple[Metric, ...]:
    """Counts, and the ratio of met to decided; only a `whole` source can leave any unmet."""
    given = list(verdicts.values())
    found = [
        Metric(name=f"requirements_{name}", value=float(given.count(name)), unit="count")
        for name in ("met", "not_met", "cannot_tell")
    ]
    decided = given.count("met") + given.count("not_met")
    if decided and whole:
        ratio = given.count("met") / decided
        found.append(Metric(name="compliance", value=round(ratio, 4), unit="ratio"))
    for model, rulings_of in rulings.items():
        rejected = float(sum(len(ruling.rejected) for ruling in rulings_of.values()))
        found.append(Metric(name="evidence_rejected", value=rejected, unit="count", target=model))
    return tuple(found)


def _row(
    question: Question, verdict: Verdict, rulings: Rulings, missing: Sequence[Opinion[Any]]
) -> dict[str, Any]:
    return {
        "id": question.id,
        "text": question.text,
        "verdict": verdict,
        "judges": {
            **{model: _quoted(ruling_of[question.id]) for model, ruling_of in rulings.items()},
            **{
                opinion.model: {"verdict": "missing", "reason": opinion.failure}
                for opinion in missing
            },
        },
    }


def _quoted(ruling: Ruling) -> dict[str, Any]:
    return {
        "verdict": ruling.verdict,
        "reason": ruling.reason,
        "evidence": [quote.model_dump() for quote in ruling.evidence],
        "rejected": list(ruling.rejected),
    }
