"""`python -m analyzers.performance`: the performance analyzer as a service."""

from analyzers.performance.tools import TOOLS
from analyzers.runtime.service import main
from contract.spec import AnalyzerKind

if __name__ == "__main__":
    main(AnalyzerKind.PERFORMANCE, TOOLS)
