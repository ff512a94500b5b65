"""`python -m analyzers.performance`: the performance analyzer as a service."""

import os

from analyzers.performance.site import Site
from analyzers.performance.tools import build_tools
from analyzers.runtime.service import main
from contract.analyzers import AnalyzerKind

if __name__ == "__main__":
    main(AnalyzerKind.PERFORMANCE, build_tools(Site.from_environment(os.environ)))
