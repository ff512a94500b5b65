"""`python -m analyzers.dynamic`: the dynamic analyzer's service."""

from analyzers.dynamic.fusion import fuse
from analyzers.dynamic.tools import TOOLS
from analyzers.runtime.service import main
from contract.analyzers import AnalyzerKind

main(AnalyzerKind.DYNAMIC, TOOLS, fuse=fuse)
