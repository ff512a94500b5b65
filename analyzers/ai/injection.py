"""Text in an app that speaks to its judge. It is reported, and withheld from the judges.

Three defences stand behind each other, none of which trusts the model: lines found here never reach
a judge; what does reach it is fenced by a random marker and declared to be data; and each question
list holds a control that no app fulfils, so a judge that was talked into "yes" gives itself away.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from analyzers.ai.sources import AppText

WITHHELD = "[line withheld: it addresses the reviewer]"
_WINDOW = 3
_MARKERS = re.compile(r"^[\s#/*;!<>\-\"'`]+|[\s*/>\-\"'`]+$")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_REVIEWER = r"(?:judge|grader|evaluator|reviewer|assessor|auditor)s?"
_WHO = rf"(?:ai|llm|language models?|assistants?|analy[sz]ers?|{_REVIEWER})"
_GOOD = r"(?:met|fulfilled|satisfied|implemented|complete|compliant|perfect|passed|10\b|ten\b)"
_RULES: tuple[tuple[str, str], ...] = (
    (
        "override-instructions",
        r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rubrics?)\b",
    ),
    (
        "addresses-judge",
        rf"\b(?:note|message|instructions?|hint)\s+(?:to|for)\s+(?:\w+\s+){{0,2}}{_WHO}\b",
    ),
    ("addresses-judge", rf"\battention\b\W{{1,3}}(?:\w+\s+){{0,2}}{_WHO}\b"),
    ("addresses-judge", rf"\b(?:dear|hello|hey|if you are)\b.{{0,12}}\b{_WHO}\b"),
    # An app may well tell its own model to be an assistant; hardly to be a grader.
    ("addresses-judge", rf"\b(?:you are|act as)\b.{{0,12}}\b{_REVIEWER}\b"),
    (
        "dictates-verdict",
        r"\b(?:mark|rate|score|grade|consider|report|treat|judge|return|answer|respond|reply|give)"
        rf"\b.{{0,60}}\b(?:requirements?|criteri\w+|verdicts?|scores?)\b.{{0,60}}\b{_GOOD}",
    ),
    ("dictates-verdict", rf"\b(?:all|every|each)\b.{{0,20}}\brequirements?\b.{{0,30}}\b{_GOOD}"),
    ("dictates-verdict", r"[\"']verdict[\"']\s*:\s*[\"'](?:met|not_met|cannot_tell)[\"']"),
    ("chat-markup", r"<\|(?:im_start|im_end|system|user|assistant)\|>|\[/?INST\]|<</?SYS>>"),
)
_COMPILED = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _RULES)


@dataclass(frozen=True, slots=True)
class Injection:
    """Instruction-like text: lines `first` to `last` of `path`, and the rule that saw it."""

    path: str
    first: int
    last: int
    rule: str
    excerpt: str


def scan(app: AppText) -> tuple[Injection, ...]:
    """Instruction-like text of every file, also where it is spread over three lines."""
    return tuple(found for path, lines in app.files.items() for found in scan_lines(path, lines))


def scan_lines(path: str, lines: tuple[str, ...]) -> Iterable[Injection]:
    """Single lines first; a window of lines only where no line of it was seen alone."""
    plain = [_plain(line) for line in lines]
    seen: set[int] = set()
    for width in range(1, _WINDOW + 1):
        for start in range(len(plain) - width + 1):
            window = range(start, start + width)
            text = " ".join(plain[i] for i in window)
            if seen.isdisjoint(window) and (rule := _rule(text) or _rule(lines[start])):
                seen.update(window)
                excerpt = " ".join(lines[i].strip() for i in window)[:300]
                yield Injection(path, start + 1, start + width, rule, excerpt)


def withhold(app: AppText, injections: Iterable[Injection]) -> AppText:
    """The app without those lines; line numbers stay."""
    files = {path: list(lines) for path, lines in app.files.items()}
    for one in injections:
        for number in range(one.first, one.last + 1):
            files[one.path][number - 1] = WITHHELD
    return AppText({path: tuple(lines) for path, lines in files.items()}, app.skipped)


def _plain(line: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", line))
    return _MARKERS.sub("", text)


def _rule(text: str) -> str:
    return next((name for name, pattern in _COMPILED if pattern.search(text)), "")
