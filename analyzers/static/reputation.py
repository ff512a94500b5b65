"""What rules of pattern tools are worth alone, by what they look at, not by any score."""

_BANDIT_IMPORTS = frozenset(f"B{number}" for number in range(401, 416))
_RUFF_IMPORTS = frozenset(f"S{number}" for number in range(401, 416))

# They name a module or a habit, not a weakness of this app.
_ADVICE: dict[str, frozenset[str]] = {
    "bandit": _BANDIT_IMPORTS | {"B101", "B110", "B112"},
    "ruff": _RUFF_IMPORTS | {"S101", "S110", "S112"},
}

# They cannot see whether the data is the user's (a query built from constants), whether the value
# is secret (a variable named token), or whether the use matters (random for a colour).
_NOISY: dict[str, frozenset[str]] = {
    "bandit": frozenset(
        {"B104", "B105", "B106", "B107", "B108", "B113", "B310", "B311", "B603", "B606", "B607"}
        | {"B608", "B301", "B302", "B307", "B308", "B703", "B704", "B313", "B314", "B318", "B319"}
        | {"B602", "B604", "B605", "B610", "B611", "B324", "B303"}
    ),
    "ruff": frozenset(
        {"S104", "S105", "S106", "S107", "S108", "S113", "S310", "S311", "S603", "S606", "S607"}
        | {"S608", "S301", "S302", "S307", "S308", "S704", "S313", "S314", "S318", "S319"}
        | {"S602", "S604", "S605", "S610", "S611", "S324", "S303"}
    ),
    "eslint": frozenset(
        {
            "no-script-url",
            "no-unsanitized/method",
            "react/no-danger",
            "react/jsx-no-target-blank",
            "security/detect-bidi-characters",
            "security/detect-child-process",
            "security/detect-invisible-characters",
            "security/detect-non-literal-fs-filename",
            "security/detect-non-literal-regexp",
            "security/detect-non-literal-require",
            "security/detect-possible-timing-attacks",
            "security/detect-unsafe-regex",
        }
    ),
    "detect-secrets": frozenset(
        {"Base64 High Entropy String", "Hex High Entropy String", "Secret Keyword"}
    ),
}

# Tools with the same heuristics are one witness, however many they are.
_SCHOOLS = {"ruff": "bandit"}
# These look at what a variable is called, whoever asks.
_BY_NAME = frozenset({"B105", "B106", "B107", "S105", "S106", "S107", "Secret Keyword"})


def is_advice(tool: str, rule_id: str) -> bool:
    """Whether the rule speaks of no weakness at all; such findings stay with their tool."""
    return rule_id in _ADVICE.get(tool, frozenset())


def is_noisy(tool: str, rule_id: str) -> bool:
    """Whether the rule alone is more often wrong than right."""
    return rule_id in _NOISY.get(tool, frozenset())


def school_of(tool: str, rule_id: str) -> str:
    """Name of the heuristics that a tool's rule applies."""
    return "names" if rule_id in _BY_NAME else _SCHOOLS.get(tool, tool)
