"""
Our client as a program: it uses every tool of the server whose URL it is given.

The official conformance suite runs it.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_aigate.http_client import HTTPClient
from twisted_aigate.http_client.client import endpoints
from twisted_aigate.mcp.client.http import HTTPTransport
from twisted_aigate.mcp.client.peer import Peer

_VALUES = {"number": 2, "integer": 2, "string": "two", "boolean": True}


async def _use(reactor: Any, url: str) -> None:
    client = HTTPClient(reactor, endpoints(reactor))
    transport = HTTPTransport(client, reactor, url, (), 20.0)
    peer = Peer(transport, "aigate", "1", lambda: None, lambda reason: None)
    await peer.begin()
    listed = await peer.request("tools/list", {})
    for tool in listed.get("tools", ()):
        fields = tool["inputSchema"].get("properties", {})
        arguments = {name: _VALUES[schema["type"]] for name, schema in fields.items()}
        await peer.request("tools/call", {"name": tool["name"], "arguments": arguments})
    await peer.close()
    client.close()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(_use(reactor, sys.argv[1])))
