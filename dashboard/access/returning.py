"""Where a browser goes after it has logged in: to where it was, and never to another site."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request

FIRST = "/pipelines"
_LETTERS = 2_000
_NOT_BACK = ("/login", "/logout", "/enter")


def safe_path(text: str) -> str:
    """`text` if it is an address of this dashboard, without scheme and host; else the first page.

    >>> safe_path("//evil.example"), safe_path("/pipelines/p1?page=2")
    ('/pipelines', '/pipelines/p1?page=2')
    """
    plain = text.startswith("/") and text.isascii() and text.isprintable() and "\\" not in text
    if not plain or text.startswith("//") or len(text) > _LETTERS:
        return FIRST
    return FIRST if text.startswith(_NOT_BACK) else text


def here(request: Request) -> str:
    """The page that a browser is on: for a form, the one that it stands on."""
    if request.method in ("GET", "HEAD"):
        path = request.scope.get("raw_path") or quote(request.url.path).encode()
        return safe_path(_address(path.decode("latin-1"), request.url.query))
    try:
        page = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return FIRST
    own = page.netloc.lower() == request.headers.get("host", "").lower()
    return safe_path(_address(page.path, page.query)) if own else FIRST


def _address(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
