"""`python -m analyzers.static`: the static analyzer's service."""

from functools import partial

from analyzers.runtime.service import main
from analyzers.static.fusion import fuse
from analyzers.static.tools import REPUTATIONS, TOOLS
from contract.analyzers import AnalyzerKind

if __name__ == "__main__":
    main(AnalyzerKind.STATIC, TOOLS, fuse=partial(fuse, reputations=REPUTATIONS))
