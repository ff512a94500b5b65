"""`python -m analyzers.performance.openloop PLAN RESULT`: reads a LoadPlan, writes a LoadResult.

The generator is a separate process: neither the socket loop of the analyzer nor another tool can
    delay a request that is due.
"""

import asyncio
import sys
from pathlib import Path

from analyzers.performance.openloop.generator import run_plan
from analyzers.performance.openloop.plan import LoadPlan

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m analyzers.performance.openloop PLAN RESULT")
    plan = LoadPlan.model_validate_json(Path(sys.argv[1]).read_bytes())
    result = asyncio.run(run_plan(plan))
    Path(sys.argv[2]).write_text(result.model_dump_json(), encoding="utf-8")
