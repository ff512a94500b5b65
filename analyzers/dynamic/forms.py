"""What a browser would send with a form: the page's cookies, and the token that proves the page."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.crawl import Page
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.surface import Operation, ServiceSurface

CSRF_WORDS = re.compile(r"csrf|xsrf|authenticity|requestverification", re.IGNORECASE)
TOKEN_HEADERS = ("X-CSRFToken", "X-CSRF-Token", "X-XSRF-TOKEN")  # Django, Rails and Express, axios


@dataclass(slots=True)
class FormState:
    """The data for sending a form once; a token may be valid only once.

    Attributes:
        fields: hidden fields that hold a token.
        headers: cookies of the page in addition to those of the session, and the token.
    """

    fields: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def has_token(self) -> bool:
        """Whether a token was found."""
        return bool(self.fields) or TOKEN_HEADERS[0] in self.headers


def wants_token(operation: Operation) -> bool:
    """Whether a form has a field for a token."""
    return any(CSRF_WORDS.search(parameter.name) for parameter in operation.parameters)


async def form_state(
    client: BoundedClient,
    operation: Operation,
    session: Mapping[str, str],
    surface: ServiceSurface | None = None,
) -> FormState:
    """Fetch the page of a form again, and take what is needed to send it.

    Args:
        client: asks for the page.
        operation: its `page` is fetched, else its own path, else the start page.
        session: headers of the logged-in person.
        surface: may know an operation that gives out tokens.
    """
    state = FormState(headers=dict(session))
    for page in dict.fromkeys([operation.page or operation.path, "/"]):
        answer = await client.send("GET", page, counted=False, headers=dict(session))
        if answer and answer.status < 400:
            _take(state, answer)
            break
    handing_out = [
        known.path
        for known in (surface.operations if surface and not state.has_token else ())
        if known.method == "GET" and CSRF_WORDS.search(known.path) and "{" not in known.path
    ]
    for path in handing_out[:2]:
        answer = await client.send("GET", path, counted=False, headers=dict(state.headers))
        if answer and answer.ok:
            _take(state, answer)
    if state.has_token:  # a browser says where the form was, and Django checks it
        origin = client.target.base_url
        origin = re.sub("^http:", "https:", origin) if client.facts.headers else origin
        state.headers |= {"Referer": origin + operation.path, "Origin": origin}
    return state


def _take(state: FormState, answer: Answer) -> None:
    """Add the cookies and the token of an answer."""
    set_cookies = tuple(answer.headers.get_list("set-cookie"))
    known = _pairs(state.headers.get("Cookie", "")) | cookies_set(set_cookies)
    if known:
        state.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in known.items())
    tokens = list[str]()
    if answer.is_html:
        page = Page(answer.text)
        inputs = [pair for form in page.forms for pair in form.fields.items() if pair[1]]
        state.fields = {name: value for name, value in inputs if CSRF_WORDS.search(name)}
        tokens += state.fields.values()
        tokens += [value for name, value in page.metas.items() if CSRF_WORDS.search(name)]
    tokens += [csrf_of(answer.body)]
    tokens += [unquote(value) for name, value in known.items() if CSRF_WORDS.search(name)]
    for token in [value for value in tokens if value][:1]:
        state.headers |= dict.fromkeys(TOKEN_HEADERS, token)


def cookies_set(set_cookies: tuple[str, ...]) -> dict[str, str]:
    """Names and values of `Set-Cookie` headers; those without a value are left out."""
    found: dict[str, str] = {}
    for header in set_cookies:
        jar = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            continue
        found |= {name: morsel.coded_value for name, morsel in jar.items() if morsel.value}
    return found


def cookie_header(set_cookies: tuple[str, ...]) -> str:
    """The `Cookie` value that a browser would send back."""
    return "; ".join(f"{name}={value}" for name, value in cookies_set(set_cookies).items())


def _pairs(header: str) -> dict[str, str]:
    pairs = [part.strip().partition("=") for part in header.split(";") if "=" in part]
    return {name: value for name, _, value in pairs}


def document_of(body: bytes) -> dict[str, Any]:
    """A JSON object; empty where the body is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def csrf_of(body: bytes) -> str:
    """The CSRF token that an answer gives out as JSON; empty when there is none."""
    for key, value in document_of(body).items():
        if CSRF_WORDS.search(key) and isinstance(value, str):
            return value
    return ""
