"""Collections of garbage that nobody notices."""

import gc
import sys

_SETTLED = set[str]()


def settle() -> None:
    """Leave all that was made until now out of later collections; call it before serving.

    A collection looks at every object that lives long. With those of all modules it takes a sixth
    of a second, in the middle of an answer; without them, a tenth of that.
    """
    gc.collect()
    gc.freeze()


def settle_late(module: str) -> None:
    """The same once more, after the first answer for which a large module was loaded."""
    if module in sys.modules and module not in _SETTLED:
        _SETTLED.add(module)
        settle()
