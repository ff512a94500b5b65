"""What npm itself asks its registry for, of the versions other package managers' locks pin."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Command, Completed
from analyzers.static.tools.npm_audit import NpmAudit
from tests.support.appsource import lay
from tests.support.cases import case_app
from tests.support.static_run import make_run

YARN = (
    "# yarn lockfile v1\n\nlodash@^4.17.4:\n  version \"4.17.4\"\n\n"
    "old@npm:lodash@3:\n  version \"3.0.0\"\n\n"
    "own@git+https://example.org/x.git:\n  version \"1\"\n"
)  # fmt: skip
ADVISORY = {
    "id": 1,
    "name": "lodash",
    "title": "t",
    "severity": "high",
    "url": "https://github.com/advisories/GHSA-x",
    "vulnerable_versions": "<4.17.5",
    "cwe": ["CWE-1321"],
}


async def test_npm_asks_about_every_pinned_version(tmp_path: Path):
    member = (case_app("22") / "packages/api/package.json").read_text()
    root = lay(
        tmp_path / "app",
        {
            "package.json": (case_app("22") / "package.json").read_text(),
            "packages/api/package.json": member,
            "yarn.lock": YARN,
        },
    )
    (workspace := tmp_path / "work").mkdir()
    asked: list[dict[str, list[str]]] = []

    async def bulk(request: web.Request) -> web.Response:
        data = await request.read()
        asked.append(json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data))
        return web.json_response({"lodash": [ADVISORY]})

    app = web.Application()
    app.router.add_post("/-/npm/v1/security/advisories/bulk", bulk)
    server = web.AppRunner(app)
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{server.addresses[0][1]}/"
    runner = Runner(workspace)

    async def here(command: Command) -> Completed:
        return await runner(replace(command, env={**command.env, "npm_config_registry": address}))

    try:
        parsed = await NpmAudit().run(make_run(list_source(root), workspace), here)
    finally:
        await server.cleanup()

    assert asked == [{"lodash": ["4.17.4", "3.0.0"]}]
    assert (parsed.coverage.reached, parsed.coverage.given) == (2, 3)
    assert [one.what for one in parsed.coverage.skipped] == ["own==? (yarn.lock)"]
    (advisory,) = parsed.findings
    assert (advisory.rule_id, advisory.location.path) == ("GHSA-x", "packages/api/package.json")
