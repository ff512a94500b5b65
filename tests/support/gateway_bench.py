"""Services and gateways over real sockets, for the tests of the gateway."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from analyzers.runtime.service import Service, ServiceOptions
from clients.analyzers.gateway import WebSocketGateway
from contract.analysis import AnalyzerKind
from contract.errors import PlatformError
from contract.protocol import Progress
from tests.support.demo_analyzer import DemoTool, request_for
from tests.support.proxy import FaultyProxy

STATIC = AnalyzerKind.STATIC


def ignore(_progress: Progress) -> None:
    pass


class Bench:
    """Services and gateways of one test, stopped at its end."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.tool = DemoTool()
        self._stack = stack

    async def service(self, *tools: Any, kind: AnalyzerKind = STATIC, **options: Any) -> Service:
        known: dict[str, Any] = {"data": self.folder / "data", "tools_dir": self.folder}
        service = Service(kind, tools or (self.tool,), ServiceOptions(**{**known, **options}))
        await service.start()
        self._stack.push_async_callback(self.stop, service)
        return service

    async def stop(self, service: Service) -> None:
        if service.jobs is not None and not getattr(service, "stopped", False):
            service.stopped = True  # type: ignore[attr-defined]
            await service.stop()

    def gateway(self, port: int, token: str | None = None) -> WebSocketGateway:
        urls = {STATIC: f"ws://127.0.0.1:{port}"}
        gateway = WebSocketGateway(urls, token=token, workdir=self.folder / "incoming")
        return self.entered(gateway)

    def entered(self, gateway: WebSocketGateway) -> WebSocketGateway:
        self._stack.push_async_callback(gateway.close)
        return gateway

    async def proxy(self, service: Service, *cut_after: int) -> FaultyProxy:
        return await self._stack.enter_async_context(FaultyProxy(service.port, cut_after))

    def request(self, **over: Any) -> Any:
        return request_for(self.folder / "app", **over)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def fault_of(awaitable: Any) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await awaitable
    return caught.value
