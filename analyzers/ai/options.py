"""Options of the judges: none. Endpoint, models and budget are settings (`ASSAY_AI_*`)."""

from contract.base import Authored


class AiOptions(Authored):
    """None: endpoint, models and budget are settings (`ASSAY_AI_*`)."""


OPTIONS = AiOptions
