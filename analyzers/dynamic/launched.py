"""Runs a Python program with arguments that no list of processes shows.

    python -I -B launched.py SCRIPT ARGUMENT...  <MORE_ARGUMENTS

The interpreter of the program's own environment executes it, so it needs only the standard library.
Standard input holds a JSON list of further arguments.
"""

import json
import runpy
import sys


def main() -> None:
    """Become the program."""
    sys.argv = [*sys.argv[1:], *json.load(sys.stdin)]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
