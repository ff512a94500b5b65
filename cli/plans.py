"""A plan in words."""

from contract.spec import PipelinePlan

AI_IS_OFF = (
    "AI is left out: set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS (an OpenAI-compatible endpoint)"
)


def plan_line(plan: PipelinePlan) -> str:
    """What is about to run, in one line."""
    models = len({app.ref.model for app in plan.apps})
    analyzers = ", ".join(plan.spec.analyzers)
    return f"{len(plan.apps)} apps of {models} models through {analyzers}"
