"""Entry point of `assay` and `starter.py`: signals count from the first moment on."""

import sys

from cli.signals import end_by_signal


def main() -> None:
    """Run the command line of this process."""
    end_by_signal()
    try:
        from cli.app import app  # takes a second, in which a Ctrl-C is no traceback
        from cli.program import NAME
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name=NAME)
