"""Signals that end a command. Only the standard library: handlers are set before other imports."""

import os
import signal

_OUTPUTS = (1, 2)


def end_by_signal() -> None:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: what it started is stopped first.

    A shell starts background jobs with SIGINT ignored, and Python then leaves it so: `kill -INT`
    would do nothing, and neither would SIGTERM, which goes the same way. `nohup` keeps its word.

    A terminal that was closed takes nothing more: what goes there is then dropped, so that nothing
    fails while the command cleans up.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        on_terminal = [number for number in _OUTPUTS if os.isatty(number)]

        def hung_up(number: int, frame: object) -> None:
            for output in on_terminal:
                if not os.isatty(output):  # it is gone
                    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
            _as_interrupt(number, frame)

        signal.signal(signal.SIGHUP, hung_up)


def end_once() -> None:
    """Another Ctrl-C changes nothing any more: the command has cleaned up and only has to leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _as_interrupt(_number: int, _frame: object) -> None:
    signal.raise_signal(signal.SIGINT)
