"""Signals that end a command. Only the standard library: handlers are set before other imports."""

import signal


def end_by_signal() -> None:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: what it started is stopped first.

    A shell starts background jobs with SIGINT ignored, and Python then leaves it so: `kill -INT`
    would do nothing, and neither would SIGTERM, which goes the same way. `nohup` keeps its word.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _as_interrupt)


def _as_interrupt(_number: int, _frame: object) -> None:
    signal.raise_signal(signal.SIGINT)
