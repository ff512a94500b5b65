"""Web frameworks: constructors of applications and routers, and frameworks that no reader knows."""

from dataclasses import dataclass

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
ANY = ("GET", "POST")
"""Methods of a handler that declares none."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The object that a constructor makes.

    Attributes:
        prefix: its arguments that hold the prefix, first one wins; `0` and so on by position.
        root: an application rather than a part of one.
    """

    family: str
    root: bool = False
    prefix: tuple[str, ...] = ()


_FLASK = {"Flask": Kind("flask", root=True), "Blueprint": Kind("flask", prefix=("url_prefix",))}
_ASGI = {
    "FastAPI": Kind("fastapi", root=True),
    "APIRouter": Kind("fastapi", prefix=("prefix",)),
    "Starlette": Kind("fastapi", root=True),
    "Router": Kind("fastapi", prefix=("prefix",)),
    "Mount": Kind("fastapi"),
}
_RESTFUL = {
    "Api": Kind("flask", root=True, prefix=("prefix",)),
    "Namespace": Kind("flask", prefix=("path",)),
    "Blueprint": Kind("flask", prefix=("url_prefix",)),
}
MAKERS: dict[str, dict[str, Kind]] = {
    "flask": _FLASK,
    "quart": {**_FLASK, "Quart": Kind("flask", root=True)},
    "flask_restful": _RESTFUL,
    "flask_restx": _RESTFUL,
    "flask_restplus": _RESTFUL,
    "flask_smorest": _RESTFUL,
    "flask_openapi3": {
        "OpenAPI": Kind("flask", root=True),
        "APIBlueprint": Kind("flask", prefix=("url_prefix",)),
    },
    "apiflask": {
        "APIFlask": Kind("flask", root=True),
        "APIBlueprint": Kind("flask", prefix=("url_prefix",)),
    },
    "fastapi": _ASGI,
    "starlette": _ASGI,
    "fastapi_utils": {"InferringRouter": Kind("fastapi", prefix=("prefix",))},
    "sanic": {
        "Sanic": Kind("sanic", root=True),
        "Blueprint": Kind("sanic", prefix=("url_prefix",)),
        "group": Kind("sanic", prefix=("url_prefix",)),
    },
    "sanic_ext": {},
    "bottle": {"Bottle": Kind("bottle", root=True), "default_app": Kind("bottle", root=True)},
    "aiohttp": {
        "Application": Kind("aiohttp", root=True),
        "RouteTableDef": Kind("aiohttp"),
    },
    "tornado": {
        "Application": Kind("tornado", root=True),
        "RuleRouter": Kind("tornado", root=True),
    },
    "falcon": {"App": Kind("falcon", root=True), "API": Kind("falcon", root=True)},
    "litestar": {
        "Litestar": Kind("litestar", root=True, prefix=("path",)),
        "Router": Kind("litestar", prefix=("path", "0")),
    },
    "microdot": {"Microdot": Kind("flask", root=True)},
    "robyn": {
        "Robyn": Kind("flask", root=True),
        "SubRouter": Kind("flask", prefix=("prefix",)),
    },
    "strawberry": {"GraphQLRouter": Kind("graphql", prefix=("path", "prefix"))},
    "ninja": {"NinjaAPI": Kind("ninja"), "Router": Kind("ninja")},
    "rest_framework": {
        "DefaultRouter": Kind("django"),
        "SimpleRouter": Kind("django"),
    },
}
GRAPHQL = {"GraphQLRouter", "GraphQLView", "GraphQL", "GraphQLApp", "AsyncGraphQLView"}
"""Names outside the app that answer GraphQL wherever they are mounted."""

PACKAGES: dict[str, str] = {
    **dict.fromkeys(("flask", "quart", "apiflask", "flask_openapi3", "microdot"), "flask"),
    **dict.fromkeys(("flask_restful", "flask_restx", "flask_restplus", "robyn"), "flask"),
    "flask_smorest": "flask",
    "fastapi": "fastapi",
    "starlette": "fastapi",
    "sanic": "sanic",
    "bottle": "bottle",
    "aiohttp.web": "aiohttp",
    "tornado.web": "tornado",
    "falcon": "falcon",
    "litestar": "litestar",
    "django.urls": "django",
    "django.conf.urls": "django",
    "http.server": "http.server",
}
"""Import -> framework: if an app imports it without a visible route, some routes were missed."""

UNKNOWN = frozenset(
    {"connexion", "pyramid", "cherrypy", "web", "webapp2", "hug", "tg", "masonite", "eve", "spyne"}
    | {"flask_appbuilder", "flask_admin", "flask_potion", "flask_classful", "flask_rebar", "klein"}
    | {"streamlit", "dash", "gradio", "nicegui", "reflex", "solara", "panel", "shiny", "mesop"}
    | {"chainlit", "emmett", "blacksheep", "responder", "morepath", "odoo", "frappe", "nameko"}
    | {"fastapi_users", "fastapi_crudrouter", "sqladmin", "fasthtml", "esmerald", "muffin"}
    | {"socketio", "flask_socketio", "xmlrpc.server", "wsgiref.simple_server", "twisted.web"}
)
"""Packages that register routes in ways that no reader here knows."""


def maker(name: str) -> Kind | None:
    """The object made by calling an outside name, if it is an application or a router."""
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    kinds = MAKERS.get(package)
    if kinds is None:
        return None
    if package == "aiohttp" and ".web" not in name:
        return None
    return kinds.get(last)


def package_of(dotted: str) -> tuple[str, bool] | None:
    """(framework, whether its routes can be read) of an import; None: it is no web framework."""
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        name = ".".join(parts[:size])
        if name in PACKAGES:
            return PACKAGES[name], True
        if name in UNKNOWN:
            return name, False
    return None
