"""JavaScript web frameworks: constructors of applications and routers, and unknown frameworks."""

from dataclasses import dataclass

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
VERBS = {**{name: (name.upper(),) for name in METHODS}, "del": ("DELETE",), "all": ("GET", "POST")}


@dataclass(frozen=True, slots=True)
class JsKind:
    """The object that a constructor makes; `prefix`: the option that holds its prefix."""

    family: str
    root: bool = False
    prefix: str = ""


MAKERS: dict[str, JsKind] = {
    "express": JsKind("express", root=True),
    "express.default": JsKind("express", root=True),
    "express.Router": JsKind("express"),
    "express-promise-router": JsKind("express"),
    "express-ws": JsKind("express", root=True),
    "polka": JsKind("express", root=True),
    "@tinyhttp/app.App": JsKind("express", root=True),
    "restify.createServer": JsKind("express", root=True),
    "restify-router.Router": JsKind("express"),
    "router": JsKind("express", root=True),
    "itty-router.Router": JsKind("express", root=True, prefix="base"),
    "itty-router.AutoRouter": JsKind("express", root=True, prefix="base"),
    "fastify": JsKind("fastify", root=True),
    "fastify.fastify": JsKind("fastify", root=True),
    "koa": JsKind("koa", root=True),
    "koa-router": JsKind("koa", prefix="prefix"),
    "@koa/router": JsKind("koa", prefix="prefix"),
    "koa-router.Router": JsKind("koa", prefix="prefix"),
    "@koa/router.Router": JsKind("koa", prefix="prefix"),
    "koa-joi-router": JsKind("koa"),
    "@hapi/hapi.server": JsKind("hapi", root=True),
    "@hapi/hapi.Server": JsKind("hapi", root=True),
    "hapi.server": JsKind("hapi", root=True),
    "hapi.Server": JsKind("hapi", root=True),
    "hono.Hono": JsKind("hono", root=True),
    "@hono/zod-openapi.OpenAPIHono": JsKind("hono", root=True),
    "elysia.Elysia": JsKind("elysia", root=True, prefix="prefix"),
}
PACKAGES: dict[str, str] = {
    "express": "express",
    "polka": "express",
    "restify": "express",
    "@tinyhttp/app": "express",
    "fastify": "fastify",
    "koa": "koa",
    "@koa/router": "koa",
    "koa-router": "koa",
    "@hapi/hapi": "hapi",
    "hapi": "hapi",
    "hono": "hono",
    "elysia": "elysia",
    "@nestjs/core": "nest",
    "@apollo/server": "graphql",
    "apollo-server": "graphql",
    "apollo-server-express": "graphql",
    "express-graphql": "graphql",
    "graphql-yoga": "graphql",
    "graphql-http": "graphql",
}
UNKNOWN = frozenset(
    {"@remix-run/node", "@remix-run/express", "@adonisjs/core", "sails", "@strapi/strapi", "meteor"}
    | {"@loopback/rest", "@trpc/server", "socket.io", "ws", "json-server", "@feathersjs/feathers"}
    | {"total.js", "total4", "@keystone-6/core", "payload", "routing-controllers", "tsoa"}
    | {"@tsed/common", "@tsed/platform-express", "micro", "uWebSockets.js", "next-connect", "h3"}
    | {
        "nitropack",
        "@midwayjs/core",
        "@marblejs/http",
        "actionhero",
        "moleculer-web",
        "find-my-way",
    }
    | {
        "@fastify/autoload",
        "fastify-autoload",
        "express-openapi-validator",
        "swagger-tools",
        "admin-bro",
    }
    | {"adminjs", "http-proxy", "express-file-routing", "@react-router/node", "solid-start"}
    | {"express-http-proxy", "http-proxy-middleware"}
)
GRAPHQL = (
    "graphqlHTTP",
    "createHandler",
    "createYoga",
    "expressMiddleware",
    "koaMiddleware",
    "graphqlUploadExpress",
    "mercurius",
    "ApolloServer",
    "fastifyApollo",
)
"""Names that answer GraphQL where they are mounted."""

HARMLESS = frozenset(
    {"static", "serveStatic", "cors", "helmet", "morgan", "compression", "cookieParser", "json"}
    | {"urlencoded", "session", "rateLimit", "bodyParser", "raw", "text", "passport", "csurf"}
)


SAME_OBJECT = frozenset(
    {"get", "post", "put", "patch", "delete", "del", "all", "head", "options", "use", "register"}
    | {"routes", "middleware", "prefix", "opts", "decorate", "param", "withTypeProvider", "guard"}
    | {"derive", "state", "on", "listen", "onError", "notFound", "callback", "default", "basePath"}
    | {"allowedMethods", "ready"}
)
"""Methods of routers and applications that return the same object."""


def maker(name: str) -> JsKind | None:
    """The object made by calling an outside name, if it is an application or a router."""
    if name.endswith((".Router", ".default")) and name not in MAKERS:
        base = name.rpartition(".")[0]
        known = MAKERS.get(base)
        if known is not None and name.endswith(".Router"):
            return JsKind(known.family, prefix="prefix")
        return known
    if name.endswith(".Router.Router"):
        return MAKERS.get(name.removesuffix(".Router"))
    return MAKERS.get(name)


def answers_graphql(name: str) -> bool:
    """Whether an outside name answers GraphQL."""
    last = name.rpartition(".")[2]
    return last in GRAPHQL or name in {"express-graphql", "mercurius", "@as-integrations/fastify"}
