"""`python -m analyzers.ai`: the AI analyzer as a service, its endpoint from `ASSAY_AI_*`."""

import os
import sys

from analyzers.ai.config import AiConfig
from analyzers.ai.tools import build_tools
from analyzers.runtime.service import main
from contract.analyzers import AnalyzerKind

if __name__ == "__main__":
    try:
        config = AiConfig.from_environment(os.environ)
    except ValueError as error:
        sys.exit(f"AI analyzer: {error}")
    main(AnalyzerKind.AI, build_tools(config))
