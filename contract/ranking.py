"""A ranking of models by several criteria, as a spec asks for it."""

from typing import Annotated

from pydantic import Field

from contract.base import Authored
from contract.fields import Number

Weight = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False), Number]


class RankingSpec(Authored):
    """A ranking of models by several criteria (TOPSIS and weighted sum), if one is wanted.

    Attributes:
        weights: weight of each measure, by name (`functional_and_secure`, `security_per_kloc`,
            `load/k6/latency_p95`, `score/quality_mean`); only their ratios count.
        draws: random weights that are tried, to say how much the weights decide.
    """

    weights: Annotated[dict[str, Weight], Field(min_length=2, max_length=30)]
    draws: Annotated[int, Field(ge=100, le=100_000), Number] = 10_000
