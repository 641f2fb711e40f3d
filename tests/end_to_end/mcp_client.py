"""
The official MCP client, in a process of its own: it and Twisted do not share a loop.

As a program it takes what to do as JSON on its standard input, and prints what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from tests.end_to_end.server import environment

_TIMEOUT = 60.0


@frozen
class Called:
    """
    What a call of a tool came to.

    @ivar result: The protocol's object.
    @ivar progress: What was told meanwhile: (done, message).
    """

    result: dict[str, Any]
    progress: list[tuple[float, str | None]]

    @property
    def text(self) -> str:
        """The text in it."""
        return "".join(block["text"] for block in self.result["content"] if "text" in block)

    @property
    def structured(self) -> Any:
        """The object in it."""
        assert not self.result.get("isError"), self.result
        return self.result["structuredContent"]


@frozen
class Done:
    """
    What came of it.

    @ivar version: The revision that was spoken.
    @ivar tools: The tools that are listed, by name.
    @ivar calls: What the calls came to.
    @ivar error: Why it could not be done; C{None}: it could.
    """

    version: str
    tools: dict[str, dict[str, Any]]
    calls: list[Called]
    error: str | None


@frozen
class Job:
    """
    A connection: its tools are listed, and some called.

    @ivar token: Sent as Bearer.
    @ivar calls: Names and arguments.
    @ivar mode: C{auto}: the newest revision; C{legacy}: in a session.
    """

    url: str
    token: str | None
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    mode: str = "auto"


def use_tools(*jobs: Job) -> list[Done]:
    """Do jobs, one after the other."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.end_to_end.mcp_client"],
        input=json.dumps([asdict(job) for job in jobs]).encode(),
        cwd=Path(__file__).parents[2],
        env=environment(),
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if ended.returncode:
        raise AssertionError(ended.stderr.decode())
    return [_done(done) for done in json.loads(ended.stdout)]


def _done(done: dict[str, Any]) -> Done:
    calls = [
        Called(call["result"], [(at, message) for at, message in call["progress"]])
        for call in done["calls"]
    ]
    tools = {tool["name"]: tool for tool in done["tools"]}
    return Done(done["version"], tools, calls, done["error"])


async def _do_all(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [await _do(job) for job in jobs]


async def _do(asked: dict[str, Any]) -> dict[str, Any]:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    token = asked["token"]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    done: dict[str, Any] = {"version": "", "tools": [], "calls": [], "error": None}
    try:
        async with create_mcp_http_client(headers=headers) as http:
            transport = streamable_http_client(asked["url"], http_client=http)
            async with Client(transport, mode=asked["mode"]) as client:
                done["version"] = client.protocol_version
                listed = await client.list_tools()
                done["tools"] = [_plain(tool) for tool in listed.tools]
                for name, arguments in asked["calls"]:
                    done["calls"].append(await _call(client, name, arguments))
    except BaseException as error:
        done["error"] = repr(_innermost(error))
    return done


async def _call(client: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    progress: list[tuple[float, str | None]] = []

    async def told(at: float, total: float | None, message: str | None) -> None:
        progress.append((at, message))

    result = await client.call_tool(name, arguments, progress_callback=told)
    return {"result": _plain(result), "progress": progress}


def _plain(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_do_all(json.load(sys.stdin)))))
