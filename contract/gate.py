"""Names of the gates at which CI may let a build fail."""

from typing import Literal, get_args

Gate = Literal["high", "new-high", "not-measured"]
GATES: tuple[Gate, ...] = get_args(Gate)
