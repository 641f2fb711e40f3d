"""A server with Claude Code on a scripted Anthropic, and clients that call it."""

from __future__ import annotations

import functools
import http.client
import itertools
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import TestCase

from attrs import frozen

from tests.end_to_end.answer import Answer
from tests.end_to_end.anthropic_server import ANTHROPIC_KEY, ScriptedAnthropic
from tests.end_to_end.anthropic_steps import Hold, UseTool
from tests.end_to_end.claude_code import claude
from tests.end_to_end.server import Server
from tests.support.lasting import lasting
from tests.support.waiting import eventually

TOKEN = "claudebox-token-0123456789"
ZAI_TOKEN = "zai-token-0123456789"
MOST_RUNS = 4
_PATIENCE = 30.0
_numbers = itertools.count()
_warm: set[Server] = set()


@frozen
class Event:
    """A server-sent event."""

    id: int | None
    kind: str
    value: Any


class Pending:
    """A request whose answer is still to come, on a connection of its own."""

    def __init__(
        self, port: int, method: str, path: str, body: bytes | None, fields: dict[str, str]
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request(method, path, body, {"Connection": "close", **fields})
        self._response: http.client.HTTPResponse | None = None

    def fileno(self) -> int:
        """For L{select.select}: readable when there is something of an answer."""
        return self._connection.sock.fileno()

    @property
    def response(self) -> http.client.HTTPResponse:
        """The response, once its head is there."""
        if self._response is None:
            self._response = self._connection.getresponse()
        return self._response

    def answer(self) -> Answer:
        """The whole answer."""
        try:
            return Answer.of(self.response)
        finally:
            self.leave()

    def events(self) -> Iterator[Event]:
        """The events, as they come; comments are passed over."""
        block: dict[str, str] = {}
        for line in self.response:
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition(": ")
                block[name] = value
            elif "data" in block:
                number = int(block["id"]) if "id" in block else None
                yield Event(number, block.get("event", "message"), json.loads(block["data"]))
                block = {}
        self.leave()

    def messages(self) -> Iterator[Any]:
        """The JSON in the events, as they come; those without any are passed over."""
        for line in self.response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data" and value:
                yield json.loads(value)
        self.leave()

    def leave(self) -> None:
        """Close the connection."""
        if self._response is not None:
            self._response.close()
        self._connection.close()


class ClaudeboxServer(Server):
    """
    The server, with both instances.

    @param anthropic: What answers as Anthropic and as z.ai.
    @param variables: As for L{Server}.
    """

    def __init__(
        self, anthropic: ScriptedAnthropic, config: str | None = None, **variables: str
    ) -> None:
        claude()
        settings = {
            "CLAUDEBOX_API_TOKEN": TOKEN,
            "CLAUDEBOX_ANTHROPIC_API_KEY": ANTHROPIC_KEY,
            "CLAUDEBOX_ANTHROPIC_BASE_URL": anthropic.url,
            "CLAUDEBOX_ZAI_API_TOKEN": ZAI_TOKEN,
            "CLAUDEBOX_ZAI_AUTH_TOKEN": ANTHROPIC_KEY,
            "CLAUDEBOX_ZAI_BASE_URL": anthropic.url,
            "CLAUDEBOX_MAX_PROCESSES": str(MOST_RUNS),
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "RATELIMIT_CLAUDEBOX": "off",
        }
        settings.update(variables)
        super().__init__(config, **settings)

    @property
    def data(self) -> Path:
        """Where the instance keeps everything."""
        return self.folder / "data" / "claudebox"

    @property
    def workspaces(self) -> Path:
        """The folder of the workspaces."""
        return self.data / "workspaces"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        tree: str = "/claudebox",
        **fields: str,
    ) -> Pending:
        """
        Send a request.

        @param body: Bytes, or a value that is sent as JSON.
        @param fields: Header fields, with underscores for hyphens.
        """
        sent = {name.replace("_", "-"): value for name, value in fields.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return Pending(self.port, method, tree + path, data, sent)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a request and wait for its answer; see L{send}."""
        return self.send(method, path, body, **options).answer()

    def begin(self, prompt: str, workspace: str, **fields: Any) -> Pending:
        """Send a C{POST /run}."""
        return self.send("POST", "/run", {"prompt": prompt, "workspace": workspace, **fields})

    def run(self, prompt: str, workspace: str, **fields: Any) -> Answer:
        """Send a C{POST /run} and wait for its answer."""
        return self.begin(prompt, workspace, **fields).answer()

    def status(self) -> Any:
        """C{GET /status}."""
        return self.call("GET", "/status").value

    def result(self, run_id: str) -> Answer:
        """C{GET /run/result}."""
        return self.call("GET", f"/run/result?runId={run_id}")

    def result_of(self, run_id: str) -> Any:
        """The result of a run, once it is over."""
        eventually(lambda: self.result(run_id).value["status"] != "running", "it still runs")
        return self.result(run_id).value

    def events(self, run_id: str, last: int | None = None) -> Pending:
        """C{GET /run/events}."""
        fields = {} if last is None else {"Last_Event_ID": str(last)}
        return self.send("GET", f"/run/events?runId={run_id}", **fields)

    def cancel(self, **query: str) -> Answer:
        """C{POST /run/cancel}."""
        (name, value), *_ = query.items()
        return self.call("POST", f"/run/cancel?{name}={value}")

    def run_processes(self) -> list[str]:
        """
        The command lines of all processes of all its runs, of those too that it has lost.

        They have the mark of runs and this server's folder in their environment, or, if they were
        started without one, were started in a workspace.
        """
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
                marked = b"AIGATE_RUN_ID=" in environment
                marked = marked and os.fsencode(self.folder) in environment
                if marked or self.workspaces in (process / "cwd").readlink().parents:
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{process.name}: {line.decode('utf-8', 'replace')}")
            except OSError:
                continue  # it is gone, or only waits to be reaped
        return found

    def is_idle(self) -> bool:
        """Nothing runs, and nothing that ran has left a process or a busy workspace behind."""
        idle = {"busyWorkspaces": [], "runs": []}
        return self.status() == idle and not self.run_processes() and not self.children()

    def unrest(self) -> str:
        """What keeps it from being idle."""
        return f"{self.status()}, {self.run_processes()}, children: {self.children()}"


@functools.cache
def shared_anthropic() -> ScriptedAnthropic:
    """What L{shared_server}'s runs ask."""
    anthropic = ScriptedAnthropic()
    lasting.callback(anthropic.stop)
    return anthropic


@functools.cache
def shared_server() -> ClaudeboxServer:
    """The server that all tests share which do not need one of their own."""
    server = ClaudeboxServer(shared_anthropic())
    lasting.callback(server.stop)
    return server.wait_until_up()


class ClaudeboxTestCase(TestCase):
    """
    Tests on a server; after each class of them it is as it was before.

    @cvar server: The server.
    @cvar anthropic: What its runs ask.
    """

    server: ClaudeboxServer
    anthropic: ScriptedAnthropic

    @classmethod
    def start_server(cls) -> tuple[ClaudeboxServer, ScriptedAnthropic]:
        """The server that these tests are for."""
        return shared_server(), shared_anthropic()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server, cls.anthropic = cls.start_server()
        cls.logged = len(cls.server.log)
        if cls.server not in _warm:
            # The first run opens what stays open, such as the database.
            cls.server.run("hello", "warm")
            _warm.add(cls.server)
        eventually(cls.server.is_idle, cls.server.unrest)
        cls.descriptors = cls.server.descriptors()

    @classmethod
    def tearDownClass(cls) -> None:
        server = cls.server
        eventually(server.is_idle, server.unrest)
        eventually(
            lambda: server.descriptors() <= cls.descriptors,
            lambda: f"{server.descriptors()} descriptors, before {cls.descriptors}",
        )
        assert not cls.anthropic.problems, cls.anthropic.problems
        log = server.log[cls.logged :]
        assert "Traceback" not in log, log

    def setUp(self) -> None:
        self.anthropic.gone.clear()
        self.name = f"{self._testMethodName.removeprefix('test_')}-{next(_numbers)}"
        """What is this test's own: a workspace, and the marker of a script."""

    @property
    def folder(self) -> Path:
        """The workspace of this test's own."""
        return self.server.workspaces / self.name

    def run_it(self, prompt: str = "", **fields: Any) -> Any:
        """The result of a run in this test's workspace, whose prompt has this test's marker."""
        answer = self.server.run(f"{self.name} {prompt}", self.name, **fields)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.value

    def hold(self, hold: Hold, **fields: Any) -> Pending:
        """A run that is in the middle of an answer."""
        self.anthropic.script(self.name, hold)
        pending = self.server.begin(self.name, self.name, **fields)
        self.assertTrue(hold.reached.wait(_PATIENCE), self.server.log)
        return pending

    def hang(self, command: str = "exec sleep 1000", **fields: Any) -> Pending:
        """A run whose Bash tool is in the middle of a command."""
        use = {"command": f"{command} & echo $$ >started; wait", "description": "Wait"}
        # Where the command is ended before Claude Code is, Claude Code may tell of it.
        steps = UseTool("Bash", use), Hold(threading.Event(), say="")
        self.anthropic.script(self.name, *steps)
        pending = self.server.begin(self.name, self.name, **fields)
        started = self.folder / "started"
        eventually(
            lambda: started.exists() and started.read_text(),
            lambda: f"the command does not start: {self.server.log}",
        )
        return pending

    def run_id(self) -> str:
        """The id of the run in this test's workspace."""
        runs = self.server.status()["runs"]
        (found,) = [run["runId"] for run in runs if run["workspace"] == self.name]
        return str(found)

    def wait_until_idle(self) -> None:
        """Wait until no run is left, nor anything of one."""
        eventually(self.server.is_idle, self.server.unrest)

    def wait_for_no_process(self) -> None:
        """Wait until no process of a run is left, whether there is a server or not."""
        eventually(lambda: not self.server.run_processes(), "processes are left")
