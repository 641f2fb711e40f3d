"""aigate with browsers, and a client that keeps its connection."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.http import wait_until_ok
from bench.common.processes import HOST, Child, Unusable, bare_environment, free_port
from bench.common.venv import beside_python
from twisted_aigate.kernel.process_table import memory_of_sessions

TOKEN = "bench-browser-3f8a51c7"
_PATH = "/stealthy-auto-browse/"
_TIMEOUT = 120.0
_PAGE = (
    "<!doctype html><title>page</title><h1>A page</h1><p>with some words</p>"
    '<button id="go" onclick="this.value = 1">go</button>'
)


@dataclass
class Server:
    """
    It, running.

    @ivar child: Its process.
    @ivar port: What it listens on.
    """

    child: Child
    port: int

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(HOST, self.port, timeout=_TIMEOUT)

    def act(self, action: str, *, pin: str = "browser1", **parameters: Any) -> Any:
        """
        What an action has found.

        @raise Unusable: It failed.
        """
        return _ask(self._connection, {"action": action, **parameters}, pin)

    def act_alone(self, action: str, *, pin: str = "browser1", **parameters: Any) -> Any:
        """The same, on a connection of its own."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_TIMEOUT)
        try:
            return _ask(connection, {"action": action, **parameters}, pin)
        finally:
            connection.close()

    def act_by_curl(self, action: str, **parameters: Any) -> Any:
        """The same, by a process of its own."""
        body = json.dumps({"action": action, **parameters})
        url = f"http://{HOST}:{self.port}{_PATH}"
        fields = ["-H", f"Authorization: Bearer {TOKEN}", "-b", "INSTANCEID=browser1"]
        command = ["curl", "-sS", "--fail", url, *fields, "-d", body]
        try:
            return json.loads(subprocess.check_output(command))["data"]
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unusable(f"curl: {error}") from None

    def browsers_memory(self) -> int:
        """Bytes of memory of all browsers, X servers and drivers (PSS)."""
        return memory_of_sessions(self._children())

    def end_a_browser(self) -> None:
        """Kill the X server that was started first, and with it its browser."""
        os.kill(min(self._children()), signal.SIGKILL)

    def wait_until_recovered(self, names: list[str]) -> None:
        """Wait until one of them, started anew, answers."""
        while True:
            for name in names:
                answer = _answer(self._connection, {"action": "ping"}, name)
                if answer.get("recovered"):
                    return

    def _children(self) -> list[int]:
        pid = self.child.pid
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return [int(child) for child in text.split()]


def _answer(connection: http.client.HTTPConnection, body: Any, pin: str) -> Any:
    fields = {"Authorization": f"Bearer {TOKEN}", "Cookie": f"INSTANCEID={pin}"}
    connection.request("POST", _PATH, json.dumps(body), fields)
    return json.loads(connection.getresponse().read())


def _ask(connection: http.client.HTTPConnection, body: Any, pin: str) -> Any:
    answer = _answer(connection, body, pin)
    if not answer["success"]:
        raise Unusable(f"{body['action']}: {answer}")
    return answer["data"]


def start_server(stack: ExitStack, folder: Path, replicas: int) -> Server:
    """
    Start it.

    @param stack: What ends it.
    @raise Unusable: It does not start.
    """
    port = free_port()
    environment = bare_environment(
        folder,
        LITELLM_MASTER_KEY="sk-bench-4f1c0a9e7d5b3826",
        STEALTHY_AUTO_BROWSE_AUTH_TOKEN=TOKEN,
        STEALTHY_AUTO_BROWSE_NUM_REPLICAS=str(replicas),
        BROWSER="1",
        BROWSER_ALLOW_PRIVATE="1",
        RATELIMIT_BROWSER="off",
        LOCAL_MODELS="0",
        AIGATE_PORT=str(port),
        AIGATE_LISTEN=f"tcp:{port}:interface={HOST}",
        DATA_DIR=str(folder / "data"),
    )
    child = Child("aigate", [str(beside_python("aigate")), "run"], folder, environment)
    stack.enter_context(child)
    wait_until_ok(child, port, f"{_PATH}__queue/health")
    return Server(child, port)


def start_pages(stack: ExitStack, folder: Path) -> str:
    """
    Start a server of one page.

    @return: The page's address.
    """
    site = folder / "site"
    site.mkdir(parents=True)
    (site / "index.html").write_text(_PAGE)
    (site / "favicon.ico").write_bytes(b"")
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", HOST, "-d", str(site)]
    child = stack.enter_context(Child("pages", command, folder))
    wait_until_ok(child, port, "/")
    return f"http://{HOST}:{port}/"
