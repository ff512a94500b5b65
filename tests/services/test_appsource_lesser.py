"""Routes of Django Ninja, Elysia and Astro: three ways to write each."""

from pathlib import Path

import pytest

from tests.support.appsource import inputs, operations, read_app

NINJA_ONE = {
    "urls.py": (
        "from django.urls import path\nfrom api import api\n"
        "urlpatterns = [path('api/', api.urls)]\n"
    ),
    "api.py": (
        "from ninja import NinjaAPI, Schema\napi = NinjaAPI()\n"
        "class Item(Schema):\n    name: str\n    price: float\n"
        "@api.get('/items/{item_id}')\ndef show(request, item_id: int, q: str = ''): ...\n"
        "@api.post('/items')\ndef make(request, item: Item): ...\n"
    ),
}
NINJA_ROUTERS = {
    "site/urls.py": (
        "from django.urls import path\nfrom ninja import NinjaAPI\n"
        "from shop.api import router as shop\n"
        "api = NinjaAPI(title='x')\napi.add_router('/shop/', shop)\n"
        "urlpatterns = [path('v1/', api.urls)]\n"
    ),
    "shop/api.py": (
        "from ninja import Router\nrouter = Router()\n"
        "@router.delete('/{key}')\ndef drop(request, key: int): ...\n"
        "@router.put('/{key}')\ndef put(request, key: int): ...\n"
    ),
}
NINJA_TEXT = {
    "urls.py": (
        "from django.urls import include, path\nurlpatterns = [path('in/', include('app.urls'))]\n"
    ),
    "app/urls.py": (
        "from django.urls import path\nfrom .views import api\n"
        "urlpatterns = [path('api/', api.urls)]\n"
    ),
    "app/views.py": (
        "from ninja import NinjaAPI, Router\napi = NinjaAPI()\nnotes = Router(tags=['notes'])\n"
        "api.add_router('notes', 'app.notes.router')\n"
        "@api.api_operation(['POST', 'PATCH'], '/both')\ndef both(request): ...\n"
    ),
    "app/notes.py": (
        "from ninja import Router\nrouter = Router()\n"
        "@router.get('/')\ndef every(request, page: int = 1): ...\n"
    ),
}
ELYSIA_CHAIN = {
    "src/index.ts": (
        "import { Elysia, t } from 'elysia';\nconst app = new Elysia()\n"
        "  .get('/', () => 'hi')\n"
        "  .post('/notes/:id', ({ body, params }) => body.title)\n  .listen(3000);\n"
    ),
}
ELYSIA_PLUGIN = {
    "src/index.ts": (
        "import { Elysia } from 'elysia';\nimport { users } from './users';\n"
        "new Elysia({ prefix: '/api' }).use(users).listen(3000);\n"
    ),
    "src/users.ts": (
        "import { Elysia } from 'elysia';\n"
        "export const users = new Elysia({ prefix: '/users' })\n"
        "  .get('/:id', ({ params: { id }, query }) => query.full)\n"
        "  .delete('/:id', ({ params }) => params.id);\n"
    ),
}
ELYSIA_GROUP = {
    "index.js": (
        "import { Elysia } from 'elysia';\nconst app = new Elysia();\n"
        "app.group('/v2', (inner) => inner.get('/a', () => 1).put('/b', ({ body }) => body.x));\n"
        "app.patch('/c', ({ query }) => query.q);\napp.listen(8080);\n"
    ),
}
ASTRO_PLAIN = {
    "src/pages/api/notes.ts": (
        "import type { APIRoute } from 'astro';\n"
        "export const GET: APIRoute = ({ url }) => new Response(url.searchParams.get('q'));\n"
        "export const POST: APIRoute = async ({ request }) => {\n"
        "  const data = await request.json(); return new Response(data.title); };\n"
    ),
}
ASTRO_PARAMETER = {
    "astro.config.mjs": "import { defineConfig } from 'astro/config';\nexport default {};\n",
    "src/pages/users/[id].js": (
        "export async function GET({ params }) { return new Response(params.id); }\n"
        "export async function DELETE({ params }) { return new Response(params.id); }\n"
    ),
}
ASTRO_ALL = {
    "astro.config.mjs": "import { defineConfig } from 'astro/config';\nexport default {};\n",
    "src/pages/files/[...path].ts": "export function ALL() { return new Response(''); }\n",
    "src/pages/api/index.ts": "export const PUT = () => new Response('');\n",
}


@pytest.mark.parametrize(
    ("files", "expected", "one", "takes"),
    [
        (
            NINJA_ONE,
            {"GET /api/items/{item_id}", "POST /api/items"},
            "POST /api/items",
            {"name": "json", "price": "json"},
        ),
        (
            NINJA_ROUTERS,
            {"DELETE /v1/shop/{key}", "PUT /v1/shop/{key}"},
            "PUT /v1/shop/{key}",
            {"key": "path"},
        ),
        (
            NINJA_TEXT,
            {"POST /in/api/both", "PATCH /in/api/both", "GET /in/api/notes/"},
            "GET /in/api/notes/",
            {"page": "query"},
        ),
        (
            ELYSIA_CHAIN,
            {"GET /", "POST /notes/{id}"},
            "POST /notes/{id}",
            {"id": "path", "title": "json"},
        ),
        (
            ELYSIA_PLUGIN,
            {"GET /api/users/{id}", "DELETE /api/users/{id}"},
            "GET /api/users/{id}",
            {"id": "path", "full": "query"},
        ),
        (ELYSIA_GROUP, {"GET /v2/a", "PUT /v2/b", "PATCH /c"}, "PUT /v2/b", {"x": "json"}),
        (
            ASTRO_PLAIN,
            {"GET /api/notes", "POST /api/notes"},
            "GET /api/notes",
            {"q": "query"},
        ),
        (
            ASTRO_PARAMETER,
            {"GET /users/{id}", "DELETE /users/{id}"},
            "GET /users/{id}",
            {"id": "path"},
        ),
        (
            ASTRO_ALL,
            {"GET /files/{path}", "POST /files/{path}", "PUT /api"},
            "GET /files/{path}",
            {"path": "path"},
        ),
    ],
    ids=[
        *("ninja", "ninja-routers", "ninja-by-name", "elysia-chain", "elysia-plugin"),
        *("elysia-group", "astro", "astro-parameter", "astro-all"),
    ],
)
def test_routes_with_their_prefixes_and_inputs(
    files: dict[str, str], expected: set[str], one: str, takes: dict[str, str], tmp_path: Path
):
    found = read_app(tmp_path, files)

    assert operations(found) == expected
    assert inputs(found, *one.split()) == takes
    assert (found.complete, found.reason) == (True, "")
