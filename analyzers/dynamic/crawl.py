"""Reads links, forms and API paths from an app's answers. Pure functions."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

from analyzers.appsource.changes import path_changes_state
from analyzers.dynamic.marks import shows_payload
from analyzers.dynamic.surface import Operation, Parameter

LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "iframe": "src"}
LEAVES = re.compile(r"/(log|sign)[-_]?(out|off)\b", re.IGNORECASE)
DOES = re.compile(r"^(action|do|op|operation|cmd|command|task)$", re.IGNORECASE)
SCRIPT_PATH = re.compile(r"""["'`](/(?:api|auth|v\d)(?:/[\w.${}:-]+)*/?)(?:\?[^"'`]*)?["'`]""")


@dataclass(slots=True)
class Form:
    """One HTML form; `fields` maps names to their given values."""

    action: str
    method: str
    multipart: bool
    fields: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Links and forms of one page; of malformed HTML, the readable part."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.metas: dict[str, str] = {}
        try:
            self.feed(html)
        except (AssertionError, ValueError):
            self.links.append("")  # the parser gave up: keep the part it read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link, a form or a field."""
        values = {key: value or "" for key, value in attrs}
        if tag in LINKS and values.get(LINKS[tag]):
            self.links.append(values[LINKS[tag]])
        elif tag == "form":
            multipart = "multipart" in values.get("enctype", "")
            method = (values.get("method") or "get").upper()
            self.forms.append(Form(values.get("action", ""), method, multipart))
        elif tag == "meta" and values.get("name"):
            self.metas[values["name"]] = values.get("content", "")
        elif tag in {"input", "textarea", "select"} and self.forms and values.get("name"):
            if values.get("type") == "file":
                self.forms[-1].files.append(values["name"])
            else:
                self.forms[-1].fields.setdefault(values["name"], values.get("value", ""))


def local_paths(base_url: str, page_path: str, links: list[str]) -> list[str]:
    """Links as paths of this origin, without fragments; other origins are left out."""
    own, found = urlsplit(base_url).netloc, list[str]()
    for link in links:
        try:
            parts = urlsplit(urljoin(base_url + page_path, link.strip()))
        except ValueError:
            continue
        if parts.scheme in {"http", "https"} and parts.netloc == own and len(link) < 2_000:
            query = f"?{parts.query}" if parts.query else ""
            found.append((parts.path or "/") + query)
    return list(dict.fromkeys(found))


def is_safe_to_follow(path: str, known: Collection[str] = ()) -> bool:
    """Whether following the link looks free of side effects.

    Args:
        path: with its query.
        known: paths whose handlers were read and change nothing, whatever their names say.
    """
    bare, _, query = path.partition("?")
    if LEAVES.search(bare):
        return False
    pairs = parse_qsl(query, keep_blank_values=True)[:20]
    words = [name for name, _ in pairs] + [value for name, value in pairs if DOES.search(name)]
    if any(path_changes_state("/" + word.replace("/", "-")) for word in words):
        return False
    return bare in known or not path_changes_state(bare)


def form_operation(base_url: str, page_path: str, form: Form) -> Operation | None:
    """The operation that a form sends to; None when it leaves the app."""
    paths = local_paths(base_url, page_path, [form.action or page_path])
    if not paths or form.method not in {"GET", "POST"}:
        return None
    place = "query" if form.method == "GET" else "form"
    inputs = [
        Parameter(name=name, place=place, example="" if shows_payload(value) else value[:200])
        for name, value in form.fields.items()
    ]
    inputs += [Parameter(name=name, place="file") for name in form.files]
    return Operation(
        method=form.method,
        path=paths[0].split("?")[0],
        parameters=tuple(inputs),
        origins=("form",),
        page=page_path,
    )


def link_operation(path: str) -> Operation:
    """A GET of a crawled path; query values become examples."""
    bare, _, query = path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)[:20]
    inputs = tuple(
        Parameter(name=name, place="query", example=value[:200]) for name, value in pairs
    )
    return Operation(method="GET", path=bare, parameters=inputs, origins=("crawl",))


def link_operation_of(method: str, path: str, auth: bool) -> Operation:
    """A declared endpoint as an operation; `:id` and `<id>` become `{id}`."""
    steps = [_brace(step) for step in path.split("?")[0].split("/")]
    inputs = tuple(
        Parameter(name=step[1:-1], place="path") for step in steps if step.startswith("{")
    )
    return Operation(
        method=method.upper(),
        path="/".join(steps) or "/",
        parameters=inputs,
        origins=("template",),
        auth=auth,
    )


def _brace(step: str) -> str:
    name = step.strip("<>{}:").split(":")[-1]
    return f"{{{name}}}" if step[:1] in {":", "<", "{"} else step


def script_paths(script: str) -> list[str]:
    """API paths in string literals of a script; parts of templates become parameters."""
    found = []
    for path in SCRIPT_PATH.findall(script)[:300]:
        plain = re.sub(r"\$\{[^}]*\}", "{id}", path)
        plain = re.sub(r":(\w+)", r"{\1}", plain)
        if "$" not in plain and plain.count("{") == plain.count("}"):
            found.append(plain)
    return list(dict.fromkeys(found))
