"""How far a tool's security rules can be believed alone, by what they look at.

Each adapter that looks for weaknesses declares this for its own rules; without it the tools cannot
be fused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analyzers.runtime.tool import Tool
from contract.analysis import Category, Finding


@dataclass(frozen=True, slots=True)
class Reputation:
    """The facts that fusion needs about a tool's security rules.

    Attributes:
        school: tools of one school apply the same heuristics and are one witness, however many they
            are.
        noisy: rules that alone are more often wrong than right: they cannot see whether the data is
            the user's, whether the value is secret, or whether the use matters.
        advice: rules that name a module or a habit, not a weakness of this app; their findings stay
            with the tool.
        by_name: rules that look at a variable's name: they are one witness, in whatever tool.
    """

    school: str
    noisy: frozenset[str] = frozenset()
    advice: frozenset[str] = frozenset()
    by_name: frozenset[str] = frozenset()

    def school_of(self, rule_id: str) -> str:
        """Name of the heuristics that a rule applies."""
        return "names" if rule_id in self.by_name else self.school


class Reputations:
    """The reputation of each tool that looks for weaknesses.

    Raises:
        TypeError: one of `tools` looks for weaknesses and declares nothing about its rules.
    """

    def __init__(self, tools: Iterable[Tool]) -> None:
        looking = [tool for tool in tools if Category.SECURITY in tool.looks_for]
        self._of: Mapping[str, Reputation] = {tool.name: _stated(tool) for tool in looking}

    def is_advice(self, found: Finding) -> bool:
        """Whether it reports no weakness at all."""
        return found.rule_id in self._of[found.tool].advice

    def is_noisy(self, found: Finding) -> bool:
        """Whether its rule alone is more often wrong than right."""
        return found.rule_id in self._of[found.tool].noisy

    def school_of(self, found: Finding) -> str:
        """Name of the heuristics that its rule applies."""
        return self._of[found.tool].school_of(found.rule_id)


def _stated(tool: Tool) -> Reputation:
    reputation = getattr(tool, "reputation", None)
    if not isinstance(reputation, Reputation):
        raise TypeError(f"{tool.name} looks for weaknesses: its adapter needs a `reputation`")
    return reputation
