"""Reads an app's manifests: `python -I manifest_program.py ROOT < files.json > dependencies.json`.

It is a separate program: a stranger's YAML, JSON or TOML must neither block nor end an analyzer.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the file list (JSON), write dependencies and unread files (JSON)."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from analyzers.appsource.npm_projects import npm_projects
    from analyzers.appsource.python_manifests import python_manifests, read_python

    root, files = Path(sys.argv[1]), json.load(sys.stdin)
    python, python_faults = read_python(root, python_manifests(files))
    npm, npm_faults = npm_projects(root, files)
    document: dict[str, Any] = {
        "python": [dataclasses.astuple(project) for project in python],
        "npm": [
            {
                "manifests": project.manifests,
                "lock": project.lock,
                "direct": [dataclasses.astuple(item) for item in project.direct],
                "locked": [dataclasses.astuple(item) for item in project.locked],
                "wanted": project.wanted,
            }
            for project in npm
        ],
        "python_faults": python_faults,
        "npm_faults": npm_faults,
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main()
