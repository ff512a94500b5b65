"""`python -m analyzers.static`: the static analyzer's service."""

from analyzers.runtime.service import main
from analyzers.static.fusion import fuse
from analyzers.static.tools import TOOLS
from contract.analysis import AnalyzerKind

if __name__ == "__main__":
    main(AnalyzerKind.STATIC, TOOLS, fuse=fuse)
