"""Options of the static tools: none. The app decides what they look at."""

from contract.base import Authored


class StaticOptions(Authored):
    """None: the app decides what the static tools look at."""


OPTIONS = StaticOptions
