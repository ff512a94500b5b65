"""From a spec file to a plan that may be submitted, and a plan in words."""

from pathlib import Path

from contract.spec import PipelinePlan
from control.choices import require_logins
from control.fleet import Say, load_plan
from settings import Settings, temporal_is_configured

AI_IS_OFF = (
    "AI is left out: set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS (an OpenAI-compatible endpoint)"
)


def checked_plan(settings: Settings, spec: Path, pipeline_id: str, say: Say) -> PipelinePlan:
    """The plan of the spec file, with all that can be known to be wrong named now. Blocking.

    Raises:
        UserError: see `load_plan`; or a login that this machine's worker would not find.
    """
    plan = load_plan(spec, pipeline_id, say)
    if not temporal_is_configured():
        require_logins(plan.spec, settings)
    return plan


def plan_line(plan: PipelinePlan) -> str:
    """What is about to run, in one line."""
    models = len({app.ref.model for app in plan.apps})
    analyzers = ", ".join(plan.spec.analyzers)
    return f"{len(plan.apps)} apps of {models} models through {analyzers}"
