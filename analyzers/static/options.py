"""Options of the static tools: none. What they look at is decided by the app."""

from contract.base import Authored


class StaticOptions(Authored):
    """None: what the static tools look at is decided by the app."""


OPTIONS = StaticOptions
