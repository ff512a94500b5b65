"""Reads the routes of an app: `python -I program.py ROOT < request.json > routes.json`.

It is a separate program, run under the newest interpreter: source that crashes every parser must
not crash an analyzer. It uses only the standard library.
"""

import json
import sys
import warnings
from pathlib import Path


def main() -> None:
    """Read `{"files": [...], "parser": ...}` (JSON), write routes and unread files (JSON)."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from analyzers.appsource.reading.tree import read_tree

    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    json.dump(read_tree(Path(sys.argv[1]), request["files"], request.get("parser")), sys.stdout)


if __name__ == "__main__":
    main()
