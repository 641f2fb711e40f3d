"""aigate with Claude Code, or with its stand-in, and with storage."""

from __future__ import annotations

import http.client
import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.http import fetch, wait_until_ok
from bench.common.processes import HOST, Child, Unusable, bare_environment, free_port
from bench.common.venv import beside_python

TOKEN = "bench-claudebox-7a31c5e8"
BUCKET = "uploads"
BUCKET_KEY = "bench-uploads-9d2e6b71"
ACCOUNT_KEY = "sk-ant-bench-2f60d9b4"
_RUN = "/claudebox/run"
_TIMEOUT = 300.0


@dataclass(frozen=True)
class Server:
    """
    It, running.

    @ivar child: Its process.
    @ivar port: What it listens on.
    @ivar binary: What it runs.
    @ivar folder: Where it keeps what is the tree's.
    """

    child: Child
    port: int
    binary: Path
    folder: Path

    @property
    def headers(self) -> dict[str, str]:
        """The header fields of requests to the tree."""
        return {"Authorization": f"Bearer {TOKEN}"}

    def run(self, **fields: Any) -> Any:
        """
        A run's result.

        @raise Unusable: There is none.
        """
        body = json.dumps(fields).encode("ascii")
        try:
            answer = fetch(self.port, "POST", _RUN, self.headers, body, _TIMEOUT)
        except (OSError, http.client.HTTPException) as error:
            raise Unusable(f"POST {_RUN}: no answer: {error!r}") from None
        if answer.status not in (200, 202):
            raise Unusable(f"POST {_RUN}: status {answer.status}: {answer.body[:500]!r}")
        return json.loads(answer.body)

    def ask(self, method: str, path: str, fields: Any = None) -> http.client.HTTPResponse:
        """
        The answer to a request, whose body is still to be read; it closes the connection.

        @raise OSError: There is no answer.
        @raise http.client.HTTPException: It is not HTTP.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_TIMEOUT)
        body = None if fields is None else json.dumps(fields)
        connection.request(method, path, body, {**self.headers, "Connection": "close"})
        return connection.getresponse()


def start_server(stack: ExitStack, folder: Path, binary: Path, anthropic: str) -> Server:
    """
    Start it.

    @param stack: What ends it.
    @param folder: Where its files are made.
    @param binary: What it runs as Claude Code.
    @param anthropic: The URL of what answers as Anthropic.
    @raise Unusable: It does not start.
    """
    port = free_port()
    environment = bare_environment(
        folder,
        LITELLM_MASTER_KEY="sk-bench-4f1c0a9e7d5b3826",
        CLAUDEBOX_API_TOKEN=TOKEN,
        CLAUDEBOX_ANTHROPIC_API_KEY=ACCOUNT_KEY,
        CLAUDEBOX_ANTHROPIC_BASE_URL=anthropic,
        CLAUDE_BIN=str(binary),
        HYBRIDS3_MASTER_KEY="bench-master-4b8d03f5",
        HYBRIDS3_UPLOADS_KEY=BUCKET_KEY,
        HYBRIDS3_UPLOADS_MAX_SIZE="0",
        HYBRIDS3_UPLOADS_TTL="0",
        RATELIMIT_CLAUDEBOX="off",
        RATELIMIT_STORAGE="off",
        LOCAL_MODELS="0",
        MAX_BODY_SIZE="0",
        AIGATE_PORT=str(port),
        AIGATE_LISTEN=f"tcp:{port}:interface={HOST}:backlog=1024",
        DATA_DIR=str(folder / "data"),
    )
    child = Child("aigate", [str(beside_python("aigate")), "run"], folder, environment)
    stack.enter_context(child)
    wait_until_ok(child, port, "/claudebox/health")
    return Server(child, port, binary, folder / "data/claudebox")
