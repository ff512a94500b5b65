"""Entry point of `assay` and `starter.py`; it handles signals before it imports anything else."""

import sys
from io import TextIOWrapper

from cli.signals import end_by_signal


def main() -> None:
    """Run the command line of this process."""
    end_by_signal()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows no UTF-8 is no traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        from cli.app import app  # takes a second, in which a Ctrl-C is no traceback
        from cli.program import NAME
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name=NAME)
