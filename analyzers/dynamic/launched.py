"""Runs a Python program with arguments that no list of processes shows.

    python -I -B launched.py SCRIPT ARGUMENT...  <MORE_ARGUMENTS

It is executed by the interpreter of the program's own environment, so it needs nothing but the
standard library. What comes on standard input is a JSON list of further arguments.
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
