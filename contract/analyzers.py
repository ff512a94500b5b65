"""The analyzers that look at an app."""

from enum import StrEnum


class AnalyzerKind(StrEnum):
    """The four analyzers. Adding one: a member here, a folder, a URL in settings, a service."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    PERFORMANCE = "performance"
    AI = "ai"

    @property
    def is_live(self) -> bool:
        """Whether it needs the running app."""
        return self in (AnalyzerKind.DYNAMIC, AnalyzerKind.PERFORMANCE)
