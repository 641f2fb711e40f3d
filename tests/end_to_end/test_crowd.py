"""Many calls at once in one process: streams, callers who leave, and a provider that is silent."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Awaitable, Callable, Iterable

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.crowd import Caller, CrowdProvider
from tests.end_to_end.server import Server
from tests.support.ports import free_port
from twisted_aigate.kernel.units import KB

_STREAMS = 1000
_CHUNKS = 200
_WAITING = 500
_MOST_PER_STREAM = 100 * KB
_DESCRIPTORS = 4 * _STREAMS


def _config(port: int) -> str:
    base = f"http://127.0.0.1:{port}/v1"
    entries = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": base, "api_key": "sk-x"},
        }
        for name in ("stream", "silent", "quick")
    ]
    return json.dumps({"model_list": entries})


class CrowdTests(SynchronousTestCase):
    """Against a real server."""

    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(_DESCRIPTORS, hard)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.provider_port = free_port()
        self.server = Server(_config(self.provider_port)).wait_until_up()
        self.addCleanup(self.server.stop)
        self.provider = CrowdProvider()

    def run_with_provider(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run a test in a loop with the provider."""

        async def run() -> None:
            async with self.provider.serving(self.provider_port), asyncio.timeout(180):
                await test()

        asyncio.run(run())

    async def open(self, count: int, model: str, stream: bool) -> list[Caller]:
        """Begin calls, some at a time."""
        callers: list[Caller] = []
        while len(callers) < count:
            some = (Caller.call(self.server.port, model, stream) for _ in range(50))
            callers += await asyncio.gather(*some)
        return callers

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        while not condition():
            await asyncio.sleep(0.02)

    async def begun(self, callers: Iterable[Caller]) -> None:
        """Wait until each has its first chunk."""
        for caller in callers:
            self.assertEqual(await caller.status(), 200)
            await caller.read(events=1)

    async def warm_up(self) -> int:
        """What the server takes when it has served."""
        callers = await self.open(50, "stream", True)
        await self.begun(callers)
        self.provider.end()
        for caller in callers:
            await caller.read()
        return self.server.resident()

    def test_streams(self) -> None:
        """A thousand of two hundred chunks each, all complete; what each takes has a bound."""

        async def test() -> None:
            before = await self.warm_up()
            callers = await self.open(_STREAMS, "stream", True)
            await self.begun(callers)
            self.assertEqual(len(self.provider.streams), _STREAMS)
            highest = self.server.resident()
            sent = 1
            while sent < _CHUNKS:
                step = min(4, _CHUNKS - sent)
                self.provider.feed(step)
                sent += step
                await asyncio.gather(*(caller.read(events=sent) for caller in callers))
                highest = max(highest, self.server.resident())
            self.provider.end()
            await asyncio.gather(*(caller.read() for caller in callers))
            self.assertEqual({caller.events for caller in callers}, {_CHUNKS})
            self.assertLess((highest - before) / _STREAMS, _MOST_PER_STREAM)

        self.run_with_provider(test)

    def test_callers_who_leave(self) -> None:
        """Half of them: the provider sees each go, the others have their answer whole."""

        async def test() -> None:
            callers = await self.open(_STREAMS, "stream", True)
            await self.begun(callers)
            leaving, staying = callers[::2], callers[1::2]
            for caller in leaving:
                caller.leave()
            await self.until(lambda: self.provider.gone == len(leaving))
            self.provider.feed(9)
            self.provider.end()
            await asyncio.gather(*(caller.read() for caller in staying))
            self.assertEqual({caller.events for caller in staying}, {10})
            self.assertEqual(self.provider.gone, len(leaving))

        self.run_with_provider(test)

    def test_silent_provider(self) -> None:
        """Those who wait for it keep nobody else waiting; when they leave, it is left too."""

        async def test() -> None:
            waiting = await self.open(_WAITING, "silent", False)
            await self.until(lambda: self.provider.waiting == _WAITING)
            for _ in range(10):
                quick = await self.open(50, "quick", False)
                statuses = await asyncio.gather(*(caller.status() for caller in quick))
                self.assertEqual(set(statuses), {200})
            self.assertEqual(self.provider.waiting, _WAITING)
            for caller in waiting:
                caller.leave()
            await self.until(lambda: self.provider.waiting == 0)

        self.run_with_provider(test)
