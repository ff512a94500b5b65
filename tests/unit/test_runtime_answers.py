"""What an HTTP answer is worth: that of a random path, a login or a quota is nothing looked at."""

import itertools
import json
import secrets
from datetime import UTC, datetime

import pytest

from analyzers.runtime.live.answers import (
    Baseline,
    Question,
    Reply,
    Unseen,
    judge,
    random_path,
    retry_after_s,
    text_of,
)

BASE = "http://127.0.0.1:8000"
HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
LAYOUT = (
    "<!doctype html><html><head><title>{title}</title></head><body><nav><a href=/boards>Boards</a>"
    "<a href=/settings>Settings</a><a href=/notes>Notes</a></nav><main>{main}</main>"
    "<footer>Made with care, all rights reserved by the people who wrote it</footer></body></html>"
)

QUOTES = itertools.cycle(
    (
        "to be or not to be",
        "the woods are lovely dark and deep",
        "all happy families are alike",
        "call me ishmael some years ago",
        "it was a bright cold day",
    )
)


def ask(path: str, method: str = "GET") -> Question:
    return Question(method, BASE + path)


def page(text: str, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {**HTML, **named}, text.encode())


def learned(answer, *folders: str, method: str = "GET", times: int = 2) -> Baseline:
    """A baseline of an app that answers the random path `p` with `answer(p)`."""
    baseline = Baseline()
    for folder in folders or ("/",):
        for _ in range(times):
            question = ask(random_path(ask(folder), secrets.token_hex(12)), method)
            baseline.add(question, answer(question.path))
    return baseline


def nonce_shell(path: str) -> Reply:
    nonce = secrets.token_hex(8)
    return page(f"<script nonce='{nonce}'>boot('{nonce}')</script><a href=/boards>Boards</a>")


def csrf_shell(path: str) -> Reply:
    token = secrets.token_urlsafe(32)
    body = f"<meta name=csrf-token content={token}><div id=root></div><a href=/settings>s</a>"
    return page(body, Set_Cookie=f"csrf={token}")


def timed_echo(path: str) -> Reply:
    now = f"2026-11-{secrets.randbelow(28) + 1:02} 12:{secrets.randbelow(60):02}:07"
    links = "<a href=/boards>Boards</a><a href=/settings>Settings</a>"
    text = f"<link rel=canonical href='{path}'><title>{path[1:]}</title>{links}<p>rendered {now}"
    return page(text)


def quoted(path: str) -> Reply:
    return page(LAYOUT.format(title="App", main=f"<p>{next(QUOTES)}</p>"))


@pytest.mark.parametrize("answer", [nonce_shell, csrf_shell, timed_echo, quoted])
@pytest.mark.parametrize("path", ["/.env", "/boards", "/settings", "/api/notes", "/boards/"])
def test_fallback_of_a_single_page_app_is_no_page(answer, path):
    baseline = learned(answer, times=3)
    assert judge(ask(path), answer(path), baseline).reason is Unseen.LIKE_RANDOM


@pytest.mark.parametrize("answer", [nonce_shell, csrf_shell, timed_echo, quoted])
def test_root_of_a_single_page_app_is_its_page(answer):
    assert judge(ask("/"), answer("/"), learned(answer)).is_seen


def test_entry_of_a_sub_folder_is_its_page():
    baseline = learned(nonce_shell, "/shop/")
    baseline.add(ask("/q7"), page("not found", 404))
    assert judge(ask("/shop/"), nonce_shell("/shop/"), baseline).is_seen
    assert not judge(ask("/shop/cart"), nonce_shell("/shop/cart"), baseline).is_seen


@pytest.mark.parametrize(
    ("random", "asked"),
    [
        (page(LAYOUT.format(title="Oops", main="<h1>Nothing here</h1>")), "<h1>Settings</h1>"),
        (page(LAYOUT.format(title="App", main="<p>Page not found</p>")), "<p>No boards yet</p>"),
        (page(LAYOUT.format(title="App", main="")), "<p>Welcome</p>"),
    ],
)
def test_pages_of_one_template_are_kept(random, asked):
    title = "Oops" if b"Oops" in random.body else "App"
    reply = page(LAYOUT.format(title=title, main=asked))
    assert judge(ask("/settings"), reply, learned(lambda _: random)).is_seen


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"items": []}', b"", b"null"])
def test_empty_lists_are_kept(body):
    missing = Reply(404, JSON, b'{"detail": "Not Found"}')
    assert judge(ask("/api/notes"), Reply(200, JSON, body), learned(lambda _: missing)).is_seen
    beside = learned(lambda _: Reply(200, JSON, body), "/api/notes/")
    assert judge(ask("/api/notes"), Reply(200, JSON, body), beside).is_seen


def test_answer_of_the_handler_that_found_nothing_is_kept():
    baseline = learned(lambda _: Reply(404, JSON, b'{"detail": "Not Found"}'))
    own = Reply(404, JSON, b'{"detail": "Note 7 does not exist"}')
    assert judge(ask("/notes/7"), own, baseline).is_seen


@pytest.mark.parametrize(
    "answer",
    [
        lambda path: page(f"<pre>Cannot GET {path}</pre>", 404),
        lambda path: Reply(
            404, JSON, json.dumps({"path": path, "at": secrets.token_hex(9)}).encode()
        ),
        lambda path: Reply(302, {"Location": f"/?from={path.replace('/', '%2F')}"}),
        lambda path: Reply(
            200, JSON, json.dumps({"ok": True, "n": secrets.randbelow(99)}).encode()
        ),
        lambda path: Reply(204),
        lambda path: page("<h1>Internal Server Error</h1>", 500),
    ],
)
def test_answer_of_a_random_path(answer):
    verdict = judge(ask("/notes/list"), answer("/notes/list"), learned(answer))
    assert verdict.reason is Unseen.LIKE_RANDOM


@pytest.mark.parametrize("status", [400, 401, 403, 405, 451])
def test_one_refusal_for_everything(status):
    baseline = learned(lambda _: page("no", status))
    verdict = judge(ask("/"), page("no", status), baseline)
    assert (verdict.reason, verdict.detail) == (Unseen.SAME_REFUSAL, str(status))
    assert judge(ask("/"), page("no", status), learned(lambda _: page("?", 404))).is_seen


def test_a_400_that_names_a_field_is_the_handlers():
    baseline = learned(lambda _: page("Bad Request", 400), method="POST")
    own = page("title is required", 400)
    assert judge(ask("/notes", "POST"), own, baseline).is_seen
    assert judge(ask("/notes", "POST"), page("Bad Request", 400), baseline).reason is (
        Unseen.SAME_REFUSAL
    )


def test_methods_and_extensions_have_answers_of_their_own():
    baseline = learned(lambda _: page("Method Not Allowed", 405), method="HEAD")
    assert judge(ask("/", "HEAD"), page("", 405), baseline).reason is Unseen.SAME_REFUSAL
    assert judge(ask("/"), page("", 405), baseline).is_seen
    scripts = Baseline()
    scripts.add(ask("/q7.js"), Reply(200, {}, b"export {}"))
    assert not judge(ask("/app.js"), Reply(200, {}, b"export {}"), scripts).is_seen
    assert judge(ask("/app"), Reply(200, {}, b"export {}"), scripts).is_seen


@pytest.mark.parametrize(
    ("path", "location", "reason"),
    [
        ("/notes", "/login", Unseen.TO_LOGIN),
        ("/notes", "/users/sign_in?next=%2Fnotes", Unseen.TO_LOGIN),
        ("/notes", "/accounts/login/", Unseen.TO_LOGIN),
        ("/notes", "/auth/login.html", Unseen.TO_LOGIN),
        ("/", "https://127.0.0.1:8000/", Unseen.TO_OTHER_ORIGIN),
        ("/notes", "//sso.example.com/login", Unseen.TO_OTHER_ORIGIN),
        ("/notes", "http://localhost:8000/notes", Unseen.TO_OTHER_ORIGIN),
        ("/notes", "http://[broken/", Unseen.TO_OTHER_ORIGIN),
        ("/notes", "/notes/", None),
        ("/notes", "http://127.0.0.1:8000/notes/", None),
        ("/login", "/auth/login", None),
        ("/blog", "/login-tips-for-beginners", None),
        ("/logs", "/catalogs/inside", None),
    ],
)
def test_redirects(path, location, reason):
    for reply in (Reply(302, {"location": location}), page("x")):
        final = location if reply.status == 200 else ""
        seen = Reply(reply.status, reply.headers, reply.body, final_url=final)
        assert judge(ask(path), seen, Baseline()).reason is reason


def test_start_page_that_asks_for_a_password_is_a_login_for_others():
    form = page("<form><input name=p type='password'></form>")
    led = Reply(200, form.headers, form.body, final_url=f"{BASE}/")
    assert judge(ask("/notes"), led, Baseline()).reason is Unseen.TO_LOGIN
    assert judge(ask("/"), form, Baseline()).is_seen
    home = Reply(200, form.headers, form.body, final_url=f"{BASE}/home")
    assert judge(ask("/"), home, Baseline()).is_seen


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {**HTML, "Content-Encoding": "br"}, b"\x1b\x0a\x80"),
        Reply(200, {**JSON, "content-encoding": "gzip, zstd"}, b"\x28\xb5\x2f\xfd"),
        Reply(200, {"Content-Type": "text/html; charset=klingon"}, b"<p>q</p>"),
        Reply(200, {"Content-Type": "text/html; charset=punycode"}, b"<p>q</p>"),
        Reply(200, {**HTML, "Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\xf3\x80" * 40),
        Reply(200, {"Content-Type": "text/html"}, "<p>Größe</p>".encode("utf-16-le")),
    ],
)
def test_what_cannot_be_read(reply):
    assert judge(ask("/"), reply, Baseline()).reason is Unseen.UNREADABLE


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"Content-Type": "text/html; charset=ISO-8859-1"}, "Größe".encode("latin-1")),
        Reply(200, {"Content-Type": "text/html"}, "<p>Größe</p>".encode("utf-16")),
        Reply(200, {"Content-Type": "text/html"}, "<meta charset=gbk>你好世界".encode("gbk")),
        Reply(200, {"Content-Type": "image/png"}, b"\x89PNG\r\n\x00\xff\xfe\xfd"),
        Reply(200, {}, b"\x00\x01\x02\xff"),
        Reply(204, {"Content-Encoding": "br"}),
    ],
)
def test_what_can_be_read(reply):
    assert judge(ask("/"), reply, Baseline()).is_seen
    assert text_of(reply) is not None or not reply.body


@pytest.mark.parametrize(
    ("reply", "is_limited"),
    [
        (Reply(429, {"Retry-After": "30"}, b"slow down"), True),
        (Reply(429), True),
        (Reply(503, {"retry-after": "5"}), True),
        (Reply(403, {"X-RateLimit-Remaining": "0"}), True),
        (Reply(403, {"X-RateLimit-Remaining": "9"}), False),
        (Reply(503), False),
        (Reply(200, {"X-RateLimit-Remaining": "0"}), False),
    ],
)
def test_rate_limits(reply, is_limited):
    verdict = judge(ask("/notes"), reply, learned(lambda _: page("?", 404)))
    assert (verdict.reason is Unseen.RATE_LIMITED) is is_limited


def test_a_rate_limited_answer_teaches_nothing():
    baseline = learned(lambda _: Reply(429))
    assert baseline.lacks(ask("/q7"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"retry-after": "0"}, 0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:20 GMT"}, 20),
        ({"Retry-After": "Wed, 31 Dec 2025 23:00:00 GMT"}, 0),
        ({"X-RateLimit-Reset": "1767225610"}, 10),
        ({"RateLimit-Reset": "7.5"}, 7.5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({}, None),
    ],
)
def test_when_to_come_back(headers, seconds):
    assert retry_after_s(Reply(429, headers), datetime(2026, 1, 1, tzinfo=UTC)) == seconds


def test_part_of_a_body():
    reply = Reply(200, HTML, b"<p>" * 99, capped=True)
    assert judge(ask("/"), reply, Baseline()).reason is Unseen.CAPPED


def test_random_answers_without_anything_in_common_condemn_nothing():
    texts = iter(["alpha beta gamma delta", "one two three four", "red green blue white"])
    baseline = learned(lambda _: page(next(texts)), times=3)
    assert judge(ask("/notes"), page("north east south west"), baseline).is_seen
    assert not judge(ask("/notes"), page("one two three four"), baseline).is_seen


@pytest.mark.parametrize(
    ("path", "like"),
    [
        ("/a/b.js?v=1", "/a/T.js"),
        ("/.env", "/T.env"),
        ("/a/", "/a/T"),
        ("/a", "/T"),
        ("/v1.0/x", "/v1.0/T"),
        ("", "/T"),
        ("/a.b c", "/T"),
    ],
)
def test_random_path_beside_another(path, like):
    assert random_path(ask(path), "T") == like
