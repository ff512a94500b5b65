"""Routes of JavaScript and TypeScript apps, parsed by the installed parser."""

from pathlib import Path

import pytest

from analyzers.appsource.changes import changes_state
from analyzers.appsource.reading.tree import read_tree
from tests.support.appsource import inputs, operations, read_app

EXPRESS_REQUIRE = {
    "server.js": (
        "const express = require('express');\nconst app = express();\n"
        "const users = require('./routes/users');\napp.use(express.json());\n"
        "app.use('/api/users', requireAuth, users);\napp.use('/api', require('./routes'));\n"
        "require('./late')(app);\nconst { PREFIX } = require('./config');\n"
        "app.get(`${PREFIX}/ping`, (req, res) => res.json(req.query['q']));\n"
        "[['/x', require('./routes/x')]].forEach(([path, r]) => app.use(path, r));\n"
    ),
    "config.js": "exports.PREFIX = '/v1';\n",
    "routes/users.js": (
        "const { Router } = require('express');\nconst router = Router();\n"
        "router.route('/:id').get((req, res) => {}).put((req, res) => { const { a, b = 1 "
        "} = req.body; });\n"
        "module.exports = router;\n"
    ),
    "routes/index.js": (
        "const router = require('express').Router();\nconst things = "
        "require('../controllers/things');\n"
        "router.post('/things', wrap(things.make));\nmodule.exports = { router };\n"
        "module.exports = router;\n"
    ),
    "controllers/things.js": (
        "exports.make = async (req, res) => { const body = req.body; save(body.title); };\n"
    ),
    "routes/x.js": "module.exports = require('express').Router().delete('/y', (req, res) => {});\n",
    "late.js": (
        "module.exports = function (app) { app.post('/late', (req, res) => req.body.z); "
        "};\n"
    ),
}  # fmt: skip
EXPRESS_IMPORT = {
    "src/index.ts": (
        "import express, { Request, Response } from 'express';\nimport { api } from './api.js';\n"
        "import * as home from './home';\nclass Server {\n  public app = express();\n"
        "  constructor() { this.app.use('/api', api); this.app.get('/', home.show); }\n}\n"
    ),
    "src/api.ts": (
        "import { Router } from 'express';\nexport const api: Router = Router();\n"
        "api.post('/n/:id', async (req: Request, res) => { const { t } = req.body as Note; });\n"
    ),
    "src/home.ts": "export function show(req, res) { return req.query.lang; }\n",
}
FASTIFY = {
    "app.js": (
        "import Fastify from 'fastify'\nimport users from './users.js'\nconst app = Fastify()\n"
        "app.register(users, { prefix: '/users' })\n"
        "app.register(async (inner) => { inner.get('/in', async () => 1) }, { prefix: '/v1' })\n"
        "app.route({ method: ['PUT'], url: '/r', handler: async (request) => request.body.x })\n"
    ),
    "users.js": (
        "export default async function (fastify) {\n"
        "  fastify.post('/', { preHandler: requireAuth, handler: async (req) => { const "
        "{ a } = req.body } })\n}\n"
    ),
}  # fmt: skip
KOA = {
    "app.ts": (
        "import Koa from 'koa';\nimport Router from '@koa/router';\nimport { sub } from './sub';\n"
        "const app = new Koa();\nconst router = new Router({ prefix: '/api' });\n"
        "router.get('list', '/list', async (ctx) => { ctx.body = ctx.query.q; });\n"
        "router.post('/x', async (ctx: Context) => { const { a } = ctx.request.body as any; });\n"
        "router.use('/sub', sub.routes(), sub.allowedMethods());\napp.use(router.routes());\n"
    ),
    "sub.ts": (
        "import Router from '@koa/router';\nexport const sub = new Router();\n"
        "sub.del('/d/:id', async (ctx) => {});\n"
    ),
}
HAPI = {
    "s.js": (
        "const Hapi = require('@hapi/hapi');\nconst server = Hapi.server({ port: 3 });\n"
        "server.route({ method: 'GET', path: '/a/{id}', handler: (request) => request.query.q });\n"
        "server.route([{ method: 'POST', path: '/b', options: { handler: (request) => "
        "request.payload.t } }]);\n"
        "server.register({ plugin: require('./plug'), routes: { prefix: '/p' } });\n"
    ),
    "plug.js": (
        "exports.plugin = { name: 'x', register: async (server) => {\n"
        "  server.route({ method: 'PUT', path: '/c', handler: () => 1 }); } };\n"
    ),
}  # fmt: skip
NEST = {
    "main.ts": (
        "import { NestFactory } from '@nestjs/core';\nasync function bootstrap() {\n"
        "  const app = await NestFactory.create(AppModule); app.setGlobalPrefix('api'); }\n"
    ),
    "cats.controller.ts": (
        "import { Body, Controller, Get, Post, Query, UseGuards } from '@nestjs/common';\n"
        "import { CatDto } from './dto';\n@Controller('cats')\nexport class Cats {\n"
        "  @Get() all(@Query('age') age: number) {}\n  @Get(':id') one(@Param('id') id) {}\n"
        "  @Post() @UseGuards(JwtGuard) make(@Body() dto: CatDto) {}\n}\n"
    ),
    "dto.ts": "export class CatDto { @IsString() name: string; age!: number; }\n",
}
NEXT = {
    "pages/api/users/[id].ts": (
        "export default async function handler(req, res) {\n"
        "  if (req.method !== 'POST') return res.status(405).end();\n  const { name } = "
        "req.body; }\n"
    ),
    "src/app/(shop)/items/[id]/route.ts": (
        "export async function GET(request: Request) {\n"
        "  const q = new URL(request.url).searchParams.get('q'); }\n"
        "export const PUT = async (request) => { const { title } = await request.json(); };\n"
    ),
}
HONO = {
    "a.ts": (
        "import { Hono } from 'hono'\nconst sub = new Hono().get('/x', (c) => "
        "c.text(c.req.query('q')))\n"
        "const app = new Hono().basePath('/api')\napp.route('/sub', sub)\n"
        "app.post('/y', async (c) => { const body = await c.req.json(); return body.t })\n"
    )
}  # fmt: skip
PLACED = {
    "src/routes/api/x/+server.js": (
        "export async function POST({ request }) { const data = await "
        "request.formData(); data.get('f') }"
    ),
    "server/api/hello.post.ts": (
        "export default defineEventHandler(async (event) => { const b = await "
        "readBody(event); b.z })"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "expected", "one", "takes"),
    [
        (
            EXPRESS_REQUIRE,
            {"GET /api/users/{id}", "PUT /api/users/{id}", "POST /api/things", "DELETE /x/y"}
            | {"POST /late", "GET /v1/ping"},
            "PUT /api/users/{id}",
            {"id": "path", "a": "json", "b": "json"},
        ),
        (
            EXPRESS_IMPORT,
            {"GET /", "POST /api/n/{id}"},
            "POST /api/n/{id}",
            {"id": "path", "t": "json"},
        ),
        (FASTIFY, {"POST /users/", "GET /v1/in", "PUT /r"}, "POST /users/", {"a": "json"}),
        (
            KOA,
            {"GET /api/list", "POST /api/x", "DELETE /api/sub/d/{id}"},
            "POST /api/x",
            {"a": "json"},
        ),
        (HAPI, {"GET /a/{id}", "POST /b", "PUT /p/c"}, "POST /b", {"t": "json"}),
        (
            NEST,
            {"GET /api/cats", "GET /api/cats/{id}", "POST /api/cats"},
            "POST /api/cats",
            {"name": "json", "age": "json"},
        ),
        (
            NEXT,
            {"POST /api/users/{id}", "GET /items/{id}", "PUT /items/{id}"},
            "GET /items/{id}",
            {"id": "path", "q": "query"},
        ),
        (HONO, {"GET /api/sub/x", "POST /api/y"}, "POST /api/y", {"t": "json"}),
        (PLACED, {"POST /api/x", "POST /api/hello"}, "POST /api/x", {"f": "form"}),
    ],
    ids=["require", "import", "fastify", "koa", "hapi", "nest", "next", "hono", "placed"],
)
def test_routes_with_their_prefixes_and_inputs(
    files: dict[str, str], expected: set[str], one: str, takes: dict[str, str], tmp_path: Path
):
    found = read_app(tmp_path, files)

    assert operations(found) == expected
    assert inputs(found, *one.split()) == takes
    assert (found.complete, found.reason) == (True, "")


def test_inputs_of_a_controller_in_another_file(tmp_path: Path):
    found = read_app(tmp_path, EXPRESS_REQUIRE)

    assert inputs(found, "POST", "/api/things") == {"title": "json"}
    assert inputs(found, "GET", "/v1/ping") == {"q": "query"}


@pytest.mark.parametrize(
    "source",
    [
        "import { ApolloServer } from '@apollo/server';\n"
        "import { startStandaloneServer } from '@apollo/server/standalone';\n"
        "startStandaloneServer(new ApolloServer({}), {});",
        "const { graphqlHTTP } = require('express-graphql');\nconst app = require('express')();\n"
        "app.use('/', graphqlHTTP({ schema }));",
        "const { ApolloServer } = require('apollo-server');\n"
        "const server = new ApolloServer({});\nserver.listen();",
    ],
)
def test_graphql_takes_input(source: str, tmp_path: Path):
    found = read_app(tmp_path, {"index.js": source})

    assert inputs(found, "POST", "/") == {"query": "json", "variables": "json"}


def test_names_of_folders_set_up_for_a_bundler_are_followed(tmp_path: Path):
    files = {
        "package.json": '{"dependencies": {"express": "5"}}',
        "src/main.ts": "import express from 'express';\nimport { api } from '@server/routes';\n"
        "import gone from '$lib/gone';\nconst app = express();\napp.use('/api', api);\n",
        "src/server/routes/index.ts": "import { Router } from 'express';\n"
        "export const api = Router().get('/x', (req, res) => {});\n",
    }

    found = read_app(tmp_path, files)
    assert operations(found) == {"GET /api/x"}
    assert found.complete

    files["src/main.ts"] += "app.use('/gone', gone);\n"
    assert "what gone is" in read_app(tmp_path, files).reason


APP = "const app = require('express')();\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            APP + "app.use('/x', require('./routes/' + name));",
            "which is mounted here, is not known",
        ),
        (APP + "app.get(process.env.P, (req, res) => {});", "made at run time"),
        (APP + "fs.readdirSync('r').forEach((f) => require('./r/' + f)(app));", "is given to here"),
        (APP + "app.get('/x' (;", "Unexpected token"),
        ("const app = require('express')(); app.listen(3);", "no route of it could be read"),
        (
            "const r = require('express').Router();\nr.get('/x', (req, res) => {});",
            "mounted nowhere",
        ),
        (
            "import { createRequestHandler } from '@remix-run/express';",
            "no reader knows the routes",
        ),
        ("import { Server } from 'socket.io';", "no reader knows the routes of socket.io"),
        ("require('http').createServer((req, res) => { if (req.url === '/a') {} });", "by hand"),
    ],
)
def test_what_could_not_be_read_is_said(source: str, why: str, tmp_path: Path):
    found = read_app(tmp_path, {"server.js": source})

    assert not found.complete
    assert why in found.reason


@pytest.mark.parametrize(
    "files",
    [
        {"src/App.jsx": "export default () => <p>hi</p>"},
        {"src/broken.ts": "const x = ;"},
        {"server.test.js": "const app = require('express')(); ("},
        {"src/api.js": "export const load = () => axios.get('/api/x', (r) => r.data);"},
    ],
)
def test_a_front_end_leaves_the_map_complete(files: dict[str, str], tmp_path: Path):
    found = read_app(tmp_path, files)

    assert found.complete
    assert not found.routes


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("await User.create({})", True),
        ("items.push(1)", True),
        ("const own = []; own.push(1); res.json(own)", False),
        ("db.query('DELETE FROM users')", True),
        ("fs.writeFileSync('x', 'y')", True),
        ("res.json(await User.findAll())", False),
    ],
)
def test_bodies_that_change_state(body: str, changes: bool, tmp_path: Path):
    found = read_app(tmp_path, {"a.js": APP + f"app.get('/x', async (req, res) => {{ {body} }});"})

    assert bool(changes_state(found.find("GET", "/x"))) is changes


def test_without_a_parser_scripts_are_unread_not_unseen(tmp_path: Path):
    (tmp_path / "a.js").write_text(APP + "app.get('/x', (req, res) => {});")

    found = read_tree(tmp_path, ["a.js"], None)

    assert found["unread"] == [["a.js", "no parser for JavaScript is installed"]]


@pytest.mark.parametrize(
    "source",
    [
        "require('express');" + "[" * 50_000 + "]" * 50_000,
        "require('express')();\n" + "\n" * 900_000,
        APP + "app" + ".get('/x',(req,res)=>{})" * 3_000,
        APP + "app.post('/s',(req,res)=>{/*" + "):{}:" * 60_000 + "*/});",
        APP + "".join(f"app.get('/{i}',(req,res)=>{{" for i in range(400)) + "})" * 400,
        APP
        + "const a = [...a, ...b]; const b = [...a]; a.forEach((r) => app.use(r)); app.use(app);",
    ],
    ids=["deep", "blank", "chain", "pattern", "nested", "circles"],
)
def test_a_hostile_script_ends_and_costs_itself(source: str, tmp_path: Path):
    files = {"evil.js": source, "good.js": APP + "app.get('/ok', (req, res) => {});"}

    assert "GET /ok" in operations(read_app(tmp_path, files))


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_scripts_in_other_encodings_are_read(coding: str, tmp_path: Path):
    source = APP + "app.get('/é', (req, res) => { const { naïve } = req.query; });"

    found = read_app(tmp_path, {"a.js": source.encode(coding)})

    assert inputs(found, "GET", "/é") == {"naïve": "query"}
