"""Attacks with proof: each payload has a sign that only a successful attack shows. Pure."""

import html
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote, unquote

from analyzers.dynamic.answer import Answer

PRODUCT = 41 * 271  # results that an interpreter makes of the payloads below
CANARY_HOST = "assay-redirect.invalid"
PASSWD = re.compile(r"root:[^:\n]*:0:0:")
URL_NAMES = re.compile(
    r"ur[il]|link|src|href|target|feed|hook|callback|image|avatar|site|page", re.I
)
MARK = "<zq9x8>"
TEXT_MARKS = ("{mark}", "\"'>{mark}")

DEBUGGERS = re.compile(
    r"EVALEX\s*=\s*(true|false)|// Werkzeug Debugger</title>|Whoops\\|"
    r"You(&#x27;|')re seeing this (error|page) because you have|Django Version:|"
    r"Action Controller: Exception caught|window\.ignite|<ul id=\"stacktrace\">|Starlette Debugger|"
    r"<pre>\w*Error: [^<]*<br> &nbsp; &nbsp;at "
)
SQL_ERRORS = re.compile(
    r"sqlite3\.(Operational|Programming)Error: |SQLITE_ERROR|unrecognized token: |"
    r"near (&#34;|&quot;|\\?\")[^\n]{0,40}: syntax error|You have an error in your SQL syntax|"
    r"syntax error at or near|unterminated quoted string at or near|"
    r"Unclosed quotation mark after|ORA-\d{5}:|SequelizeDatabaseError|psycopg2?\.errors\.Syntax"
)


@dataclass(frozen=True, slots=True)
class Attack:
    """One payload and its proof: a pattern that the answer must show and the baseline must not."""

    rule: str
    payload: str
    proof: re.Pattern[str]


def _computed(rule: str, payload: str, result: str) -> Attack:
    return Attack(rule, payload, re.compile(re.escape(result)))


SHELL = f"echo zq$(({'41*271'}))"
ATTACKS: tuple[Attack, ...] = (
    Attack("sql-injection", "a'", SQL_ERRORS),
    Attack("sql-injection", 'a"', SQL_ERRORS),
    *(
        _computed("command-injection", payload, f"zq{PRODUCT}")
        for payload in (f"a;{SHELL}", f"a|{SHELL}", f"$({SHELL})", f'a";{SHELL};"', f"a';{SHELL};'")
    ),
    _computed("template-injection", "{{41*271}}zq", f"{PRODUCT}zq"),
    _computed("template-injection", "${41*271}zq", f"{PRODUCT}zq"),
    _computed("code-injection", '(()=>{throw new Error("zq"+41*271)})()', f"zq{PRODUCT}"),
    _computed("code-injection", "str(41*271)+'zq'", f"{PRODUCT}zq"),
    *(
        Attack("path-traversal", payload, PASSWD)
        for payload in ("../" * 9 + "etc/passwd", "/etc/passwd", "....//" * 9 + "etc/passwd")
    ),
    Attack("ssrf", "file:///etc/passwd", PASSWD),
)
BOOLEAN_PAIRS = (
    ("a%' AND '1%'='1", "a%' AND '1%'='2"),
    ("a' OR '1'='1", "a' OR '1'='2"),
    ("a' OR '1'='1' -- ", "a' OR '1'='2' -- "),
    ("1 AND 1=1", "1 AND 1=2"),
)
LOGIN_BYPASS = ("' OR '1'='1' -- ", "' OR 1=1 -- ")


def proven(attack: Attack, answer: Answer, baseline: Answer) -> str:
    """The part of the answer that proves the attack; empty when nothing does."""
    hit = attack.proof.search(answer.text)
    if hit is None or attack.proof.search(baseline.text):
        return ""
    return answer.text[max(0, hit.start() - 120) : hit.end() + 200]


def reflected(answer: Answer, mark: str = MARK) -> str:
    """Where our element `mark` (`<zq...>`) stands in a page; empty when it does not.

    An echo in text, in a comment, in an attribute, in a script's string or in JSON does not count:
    no browser makes an element of it. The page of a framework's debugger, which shows the request,
    belongs to the debugger; an echoing error page of the app counts.
    """
    if not answer.is_html or is_debugger(answer):
        return ""
    reader = _Elements(mark.strip("<>").lower())
    with suppress(AssertionError, ValueError):  # the parser gave up: the part it read counts
        reader.feed(answer.text)
    at = answer.text.lower().rfind(mark.rstrip(">").lower()) if reader.is_there else -1
    return answer.text[max(0, at - 120) : at + 200] if at >= 0 else ""


class _Elements(HTMLParser):
    """Looks for one element among those that a browser would make of a page."""

    RAW = frozenset({"textarea", "title", "noscript", "xmp", "iframe", "noembed", "noframes"})

    def __init__(self, wanted: str):
        super().__init__(convert_charrefs=True)
        self.wanted, self.is_there, self._within = wanted, False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, unless it stands where a browser reads only text."""
        if self._within or self.is_there:
            return
        self.is_there = tag == self.wanted
        self._within = tag if tag in self.RAW else ""

    def handle_endtag(self, tag: str) -> None:
        """Leave an element that holds only text."""
        if tag == self._within:
            self._within = ""


def is_debugger(answer: Answer) -> bool:
    """Whether it is a framework's page that shows an error to its developer."""
    return answer.status >= 400 and is_debugger_text(answer.text)


def is_debugger_text(text: str) -> bool:
    """Whether the body of an error is such a page."""
    return DEBUGGERS.search(text) is not None


def redirected_away(answer: Answer) -> bool:
    """Whether the answer redirects a browser to the host that we named."""
    location = answer.headers.get("location", "")
    pattern = rf"(https?:)?[/\\]{{2,}}{re.escape(CANARY_HOST)}([/?#:]|$)"
    return 300 <= answer.status < 400 and re.match(pattern, location, re.IGNORECASE) is not None


def without_echo(answer: Answer, payload: str) -> str:
    """Status and body without all forms of the payload and without digits.

    All payloads of its kind are removed: a page may show a value that another request stored.
    """
    text = answer.text
    kind = {payload, *LOGIN_BYPASS, *(sent for pair in BOOLEAN_PAIRS for sent in pair)}
    for form in sorted({form for sent in kind for form in _forms(sent)}, key=len, reverse=True):
        text = text.replace(form, "")
    text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", "", text)
    return f"{answer.status} {re.sub(r'[0-9]+', '', text)}"


def _forms(payload: str) -> tuple[str, ...]:
    """The forms of a payload in pages, links and JSON."""
    plain = (payload, html.escape(payload), payload.replace("'", "&#39;"), unquote(payload))
    return (*plain, quote(payload), quote(payload, safe=""), json.dumps(payload)[1:-1])
