"""What is computed over the apps of a fleet, one after another, without keeping them."""

from typing import Protocol, TypeVar

from reports.model import AppReport

Result_co = TypeVar("Result_co", covariant=True)


class Reducer(Protocol[Result_co]):
    """Takes each app once; what it keeps of an app is small, and bounded for the fleet."""

    def add(self, app: AppReport) -> None:
        """Take an app into account."""
        ...

    def result(self) -> Result_co:
        """What is known after the apps so far."""
        ...
