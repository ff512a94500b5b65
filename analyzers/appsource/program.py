"""Reads the routes of an app: `python -I program.py ROOT < request.json > routes.json`.

A program of its own, run under the newest interpreter: source that no parser survives must not take
an analyzer down. Standard library only.
"""

import json
import sys
import warnings
from pathlib import Path


def main() -> None:
    """Read `{"files": [...], "parser": ...}` (JSON), write routes and what is unread (JSON)."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from analyzers.appsource.reading.tree import read_tree

    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    json.dump(read_tree(Path(sys.argv[1]), request["files"], request.get("parser")), sys.stdout)


if __name__ == "__main__":
    main()
