"""The inputs and effects of a JavaScript handler, from its own text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzers.appsource.reading.effects import javascript_writes
from analyzers.appsource.reading.handlers import AUTH
from analyzers.appsource.reading.links import placeholders
from analyzers.appsource.reading.reach import JsCode

MAX_INPUTS = 100
MAX_HANDLER_CHARS = 200_000
_QUERY = r"(?:req|request|ctx|ctx\.request|context|c\.req|event)\.(?:query|searchParams)|\bquery"
_BODY = (
    r"(?:await\s+)?(?:req|request|ctx\.request|context|ctx|event)\.(?:body|payload|rawBody)|"
    r"await\s+(?:req|request|c\.req|event\.request)\.(?:json|formData|parseBody)\(\)|"
    r"await\s+(?:readBody|readFormData|parseBody|getBody)\([^()]*\)"
)
_FORM = re.compile(r"formData|parseBody")
_GETS = (
    (re.compile(r"searchParams\.get(?:All)?\(\s*['\"`]([\w.\-\[\]]+)"), "query"),
    (re.compile(r"\bc\.req\.quer(?:y|ies)\(\s*['\"`]([\w.\-]+)"), "query"),
    (re.compile(r"\b(?:form|formData|data|fd)\.get(?:All)?\(\s*['\"`]([\w.\-]+)"), "form"),
    (re.compile(r"\bgetQuery\([^()]*\)\.(\w+)"), "query"),
    (re.compile(r"\breq\.files?\.(\w+)"), "file"),
    (re.compile(r"upload\.(?:single|array)\(\s*['\"`]([\w.\-]+)"), "file"),
)
# Elysia's handlers, and others that take their request apart at once: `({ body, params }) => ...`.
_GIVEN_BODY = re.compile(r"\s*(?:async\s*)?(?:function\s*\w*\s*)?\(\s*\{[^()]{0,1000}?\bbody\b")
_HANDED_ON = re.compile(r"[\w\])]\(\s*(?:req|request|ctx|event)\s*[,)]")


@dataclass(slots=True)
class JsRead:
    """What one handler takes and does; see `handlers.Read`."""

    inputs: dict[str, str] = field(default_factory=dict)
    auth: bool | None = None
    opaque: str = ""
    writes: str = ""
    code: JsCode | None = None


def read_handler(text: str, guards: Sequence[str], path: str, method: str) -> JsRead:
    """Inputs that a handler's text names; `guards` are the handlers before it."""
    places: dict[str, str] = dict.fromkeys(placeholders(path), "path")
    if len(text) > MAX_HANDLER_CHARS:
        return JsRead(opaque=f"its handler has more than {MAX_HANDLER_CHARS} characters")
    whole = "\n".join((*guards, text))
    for pattern, place in _GETS:
        for name in pattern.findall(whole):
            places.setdefault(name, place)
    for name in _named(text, _QUERY):
        places.setdefault(name, "query")
    body = rf"{_BODY}|\bbody" if _GIVEN_BODY.match(text) else _BODY
    for name in _named(text, body):
        places.setdefault(name, "form" if _FORM.search(text) else "json")
    has_body = any(place in {"json", "form", "file"} for place in places.values())
    opaque = ""
    if not text:
        opaque = "its handler cannot be read"
    elif re.search(body, _head_off(text)) and not has_body:
        opaque = "it reads a body whose fields are not named"
    elif not has_body and _HANDED_ON.search(_head_off(text)):
        opaque = "it hands the request on"
    if method in {"GET", "HEAD", "DELETE", "OPTIONS"}:
        places = {name: at for name, at in places.items() if at in {"query", "path"}}
        opaque = "" if text else opaque
    auth = True if any(AUTH.search(guard[:300]) for guard in guards) else None
    kept = dict(list(places.items())[:MAX_INPUTS])
    return JsRead(kept, auth, opaque, javascript_writes(text))


def _head_off(text: str) -> str:
    """The body of a function, without its own parameters."""
    head = re.match(r"[^{]{0,1000}?(?:=>|\)\s{0,20}(?::[^{]{0,200})?\{)", text[:2_000])
    return text[head.end() :] if head else text


def _named(text: str, source: str) -> list[str]:
    """`source.x`, `source['x']`, `{ x, y } = source`, and the same of a variable that holds it."""
    names: list[str] = []
    owners = [f"(?:{source})"]
    assigned = re.findall(
        rf"(?:const|let|var)\s+(\w+)\s*(?::[^=;]{{1,200}})?=\s*(?:{source})\s*[;\n|?)]", text
    )
    owners += [rf"\b{re.escape(variable)}" for variable in dict.fromkeys(assigned)]
    for owner in owners:
        names += re.findall(
            rf"{owner}(?:\s*\|\|\s*\{{\s*\}}\s*\))?\s*\??\.\s*(\w+)\b(?!\s*\()", text
        )
        names += re.findall(rf"{owner}\s*(?:\?\.)?\[\s*['\"`]([\w.\-\[\]]+)['\"`]\s*\]", text)
        for inside in re.findall(
            rf"\{{([^{{}}]{{0,2000}})\}}\s*(?::[^=;]{{1,200}})?=\s*{owner}", text
        ):
            for part in inside.split(","):
                name = re.split(r"[:=]", part)[0].strip()
                if name.isidentifier():
                    names.append(name)
    return [
        member for member in dict.fromkeys(names) if member not in {"json", "formData", "toString"}
    ]
