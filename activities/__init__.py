"""Activities: what workflows ask of the world, through injected ports.

Each class lists its activities by the queue that serves them.
"""

from collections.abc import Callable
from typing import Any

Activities = list[Callable[..., Any]]
