"""What a part's `/metrics` say, in sums over their labels."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The samples of one answer.

    Attributes:
        samples: by name and labels, as they were told.
    """

    samples: Mapping[tuple[str, _Labels], float]

    @classmethod
    def of(cls, text: str) -> "Figures":
        """The samples of an answer in Prometheus' text format.

        Raises:
            ValueError: it is none.
        """
        told = (one for family in text_string_to_metric_families(text) for one in family.samples)
        return cls({(one.name, tuple(sorted(one.labels.items()))): one.value for one in told})

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples of that name that have these labels; none of them: 0."""
        wanted = labels.items()
        return sum(
            value
            for (sample, its), value in self.samples.items()
            if sample == name and wanted <= dict(its).items()
        )

    def since(self, before: "Figures", name: str) -> float:
        """By how much a counter rose; a part that was started anew counts from 0 again."""
        now, then = self.total(name), before.total(name)
        return now - then if now >= then else now

    def labels(self, name: str) -> dict[str, str]:
        """Labels of the first sample of that name; none: empty."""
        return next((dict(its) for (sample, its) in self.samples if sample == name), {})
