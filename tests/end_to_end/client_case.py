"""A server in front of a provider that plays a script, for clients that others wrote."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.provider import FakeProvider, config
from tests.end_to_end.scripted import ScriptedProvider
from tests.end_to_end.server import Server

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


class ClientCase(SynchronousTestCase):
    """
    Two models: C{chat} plays the script, C{embed} embeds.

    @ivar scripted: What plays the script.
    @ivar embedder: What embeds.
    @ivar server: The server.
    """

    scripted: ScriptedProvider
    embedder: FakeProvider
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.scripted = ScriptedProvider()
        cls.addClassCleanup(cls.scripted.stop)
        cls.embedder = FakeProvider()
        cls.addClassCleanup(cls.embedder.stop)
        chat = config(cls.scripted.base, "chat")
        embed = config(cls.embedder.base, "embed").partition("model_list:\n")[2]
        cls.server = Server(chat + embed)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def setUp(self) -> None:
        self.scripted.script.clear()
        self.scripted.requests.clear()
        self.embedder.requests.clear()
