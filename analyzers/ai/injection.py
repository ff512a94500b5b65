"""Text in an app that speaks to its judge. It is reported, and withheld from the judges.

There are three defences in a row, and none trusts the model. Lines found here never reach a judge.
Text that reaches a judge stands between random markers and is declared to be data. Each list of
questions holds a control that no app fulfils, so a judge that was talked into "yes" shows it.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from analyzers.ai.sources import AppText
from analyzers.ai.words import Words, words_of

WITHHELD = "[line withheld: it addresses the reviewer]"
_WINDOW = 3
_MARKERS = re.compile(r"^[\s#/*;!<>\-\"'`]+|[\s*/>\-\"'`]+$")
_SEPARATORS = re.compile(r"[\s_./-]+")
_CAMEL_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SUFFIX = re.compile(r"\.\w{1,10}\Z")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_AI = r"(?:ai|llm|language models?|assistants?)"
_REVIEWER = r"(?:judge|grader|evaluator|reviewer|assessor|auditor|analy[sz]er)s?"
_AI_REVIEWER = rf"(?:{_AI}|automat\w+)\W+(?:\w+\W+)?{_REVIEWER}"
# An app may speak of its own model; text that calls a model by name means the reading one.
_WHO = rf"(?:{_REVIEWER}\b|{_AI}\s*[:,!])"
_TO = r"(?:notes?|messages?|instructions?|hints?)\s+(?:to|for)\s+(?:\w+\s+){0,2}"
_GOOD = (
    r"(?:(?:met|fulfilled|satisfied|implemented|complete|compliant|perfect|passed)\b"
    r"|(?:10|ten)\s*(?:/|out of)\s*(?:10|ten)\b)"
)
_RATE = r"\b(?:mark|rate|score|grade|consider|report|treat|judge|answer|respond|reply|give)\b"
_ASKED = r"\b(?:requirements?|criteri\w+|verdicts?|scores?)\b"
_ALL = r"\b(?:all|any|every|each|the|this|these)\b"
_IF = r"\b(?:if|when|whether|unless|until|once|that|where|check\w*|ensure|must)\b"
_UNLESS_IF = rf"(?:(?!{_IF}).)"
# In text that users of the app read.
_TEXT_RULES = (
    (
        "override-instructions",
        r"\b(?:ignore|disregard|forget|override)\b.{0,40}"
        r"\b(?:all|any|every|previous|prior|above|earlier|preceding|your|other)\b.{0,30}"
        r"\b(?:instructions?|prompts?|guidelines)\b",
    ),
    (
        "override-instructions",
        r"\b(?:ignore|disregard|forget|override)\b.{0,20}"
        r"\b(?:(?:instructions?|prompts?)\s+(?:above|before|so far)|rubrics?)\b",
    ),
    ("addresses-judge", rf"\b(?:{_TO}|attention\W+|dear\W+|hello\W+|hey\W+){_AI_REVIEWER}\b"),
    ("addresses-judge", rf"\bif you are\b.{{0,12}}\b(?:{_AI}|{_REVIEWER})\b"),
    # An app may tell its own model to be an assistant, but hardly to be a grader.
    ("addresses-judge", rf"\b(?:you are|act as)\b.{{0,12}}\b{_REVIEWER}\b"),
    (
        "dictates-verdict",
        rf"{_RATE}.{{0,30}}{_ALL}.{{0,30}}{_ASKED}{_UNLESS_IF}{{0,40}}?\b{_GOOD}",
    ),
    ("dictates-verdict", rf"{_RATE}.{{0,60}}{_ASKED}.{{0,40}}\bas\b.{{0,20}}\b{_GOOD}"),
    ("dictates-verdict", rf"{_RATE}.{{0,30}}{_ALL}.{{0,20}}\bcriteri\w+.{{0,20}}\b(?:10|ten)\b"),
)
# In text that only readers of the code see.
_COMMENT_RULES = (
    *_TEXT_RULES,
    ("addresses-judge", rf"\b{_TO}{_WHO}"),
    ("addresses-judge", rf"\battention\b\W{{1,3}}(?:\w+\s+){{0,2}}{_WHO}"),
    ("addresses-judge", rf"\b(?:dear|hello|hey)\b.{{0,12}}\b{_WHO}"),
    (
        "dictates-verdict",
        rf"^(?!.*{_IF}).*\b(?:all|every|each)\b.{{0,20}}\brequirements?\b.{{0,30}}\b{_GOOD}",
    ),
)
# In any text: no language has these characters.
_RAW_RULES = (
    ("dictates-verdict", r"[\"']verdict[\"']\s*:\s*[\"'](?:met|not_met|cannot_tell)[\"']"),
    ("chat-markup", r"<\|(?:im_start|im_end|system|user|assistant)\|>|(?-i:\[/?INST\])|<</?SYS>>"),
)
_Rules = tuple[tuple[str, re.Pattern[str]], ...]


def _compiled(rules: tuple[tuple[str, str], ...]) -> _Rules:
    return tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in rules)


_IN_TEXT, _IN_COMMENTS, _IN_LINES = map(_compiled, (_TEXT_RULES, _COMMENT_RULES, _RAW_RULES))


@dataclass(frozen=True, slots=True)
class Injection:
    """Instruction-like text: lines `first` to `last` of `path`, and the rule that found it.

    Both are 0 where the path itself is the text.
    """

    path: str
    first: int
    last: int
    rule: str
    excerpt: str


def scan(app: AppText) -> tuple[Injection, ...]:
    """Instruction-like text of every file and name, even if it is spread over three lines."""
    return tuple(
        found
        for path, lines in app.files.items()
        for found in (*scan_name(path), *scan_lines(path, lines))
    )


def scan_name(path: str) -> Iterable[Injection]:
    """A name is read as words; line breaks in it could even forge the text of another file."""
    plain = _plain(path)
    words = _SEPARATORS.sub(" ", _CAMEL_HUMP.sub(" ", plain))
    rule = _rule(_IN_COMMENTS, [words]) or _rule(_IN_LINES, [plain])
    if rule := rule or ("" if path.isprintable() else "unprintable-name"):
        yield Injection(path, 0, 0, rule, path[:300])


def scan_lines(path: str, lines: tuple[str, ...]) -> Iterable[Injection]:
    """Check single lines first; then a window of lines where no line alone was found."""
    plain = [_plain(line) for line in lines]
    words = [Words(*map(_stripped, line_words)) for line_words in words_of(path, plain)]
    seen: set[int] = set()
    for width in range(1, _WINDOW + 1):
        for start in range(len(plain) - width + 1):
            window = range(start, start + width)
            if not seen.isdisjoint(window):
                continue
            rule = _rule(_IN_COMMENTS, (words[i].comment for i in window))
            rule = rule or _rule(_IN_TEXT, (words[i].text for i in window))
            if rule := rule or _rule(_IN_LINES, (plain[i] for i in window)):
                seen.update(window)
                excerpt = " ".join(lines[i].strip() for i in window)[:300]
                yield Injection(path, start + 1, start + width, rule, excerpt)


def withhold(app: AppText, injections: Iterable[Injection]) -> AppText:
    """The app without those lines and names; line numbers and suffixes of files stay."""
    injections = tuple(injections)
    files = {path: list(lines) for path, lines in app.files.items()}
    for injection in injections:
        for number in range(max(injection.first, 1), injection.last + 1):
            files[injection.path][number - 1] = WITHHELD
    names = _other_names(app, [injection.path for injection in injections if injection.first == 0])
    return AppText(
        {names.get(path, path): tuple(lines) for path, lines in files.items()},
        app.skipped,
        {shown: path for path, shown in names.items()},
    )


def _other_names(app: AppText, paths: Iterable[str]) -> dict[str, str]:
    numbered = (f"withheld-name-{number}" for number in count(1))
    free = (name for name in numbered if not any(path.startswith(name) for path in app.files))
    return {path: next(free) + "".join(_SUFFIX.findall(path)) for path in paths}


def _plain(line: str) -> str:
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", line))


def _stripped(text: str) -> str:
    return _MARKERS.sub("", text)


def _rule(rules: _Rules, words: Iterable[str]) -> str:
    text = " ".join(filter(None, words))
    return next((name for name, pattern in rules if text and pattern.search(text)), "")
