"""One scale of severities: each tool has one table from its own words to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from analyzers.runtime.tool import ToolFault
from contract.analysis import Severity


@dataclass(frozen=True, slots=True)
class Grades:
    """How bad a tool's findings are, in its own words and on the one scale.

    Attributes:
        called: what the words are: the tool's `severity` or `level`, its `rule`.
        scale: every word that the tool may use.
    """

    called: str
    scale: Mapping[str, Severity]

    def of(self, word: object) -> Severity:
        """The severity of one word.

        Raises:
            ToolFault: nobody has decided it; an unknown word is an error, never a default.
        """
        grade = self.scale.get(str(word))
        if grade is None:
            raise ToolFault(f"unknown {self.called}: {word!r}")
        return grade
