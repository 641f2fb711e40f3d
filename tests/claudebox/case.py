"""An instance in this process: real runs of the stand-in, by the test's clock."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.support.answers import Answer
from tests.support.edge import Wire, head, make_site
from tests.support.reactor import open_descriptors, turn
from tests.support.stand_in_claude import install_stand_in, stand_in_runs
from tests.support.storage import FakeDatabase
from tests.support.threads import HeldThreads
from twisted_aigate.claudebox import records
from twisted_aigate.claudebox.accounts import NAME, make_instance
from twisted_aigate.claudebox.instance import RUN_VARIABLE, Instance
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.records import Outcome, RunRecord, RunTable
from twisted_aigate.claudebox.routes import claudebox_routes, errors_for, render_detail
from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.runs import Runs
from twisted_aigate.claudebox.service import Claudebox
from twisted_aigate.claudebox.slots import Slots
from twisted_aigate.claudebox.tree import ClaudeboxTree
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.process_table import family, send_signal
from twisted_aigate.kernel.settings import Configuration, read_settings
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Tree

TOKEN = "sk-claudebox-token"
ACCOUNT = "sk-ant-account-key"
MOST_RUNS = 2
TIMEOUT = 600.0
NOW = 1_000_000_000.0


class RunDatabase(FakeDatabase):
    """
    The runs' schema in memory.

    @ivar failing: The names of the methods of L{RunTable} that fail.
    """

    def __init__(self) -> None:
        super().__init__(records.metadata)
        self.failing: set[str] = set()

    def read(self, work: Callable[[Connection], Any]) -> Deferred[Any]:
        """Run C{work}, or fail."""
        return self.threads.run(self._work, work)

    write = read

    def _work(self, work: Any) -> Any:
        name = getattr(work, "func", work).__name__
        if name in self.failing:
            raise DatabaseUnavailable(f"no {name}")
        return self.now(work)


class ClockedReactor:
    """The real reactor, which keeps the test's time."""

    def __init__(self, reactor: Any, clock: Clock) -> None:
        self._reactor = reactor
        self.callLater = clock.callLater
        self.seconds = clock.seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


class ClaudeboxCase(TestCase):
    """
    Has an instance that serves. At the end nothing of any run may be left.

    @ivar settings: Further environment variables of the server.
    @ivar slots: Places for L{MOST_RUNS} runs.
    @ivar gate: A file that is not there: what a prompt's C{hold} waits for.
    """

    timeout = 30
    settings: dict[str, str] = {}

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        from twisted.internet import reactor

        self.real_reactor: Any = reactor
        await self.turn()
        self.descriptors = open_descriptors()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.gate = self.folder / "gate"
        self.binary = install_stand_in(self.folder)
        self.clock = Clock()
        self.clock.rightNow = NOW
        self.reactor: Any = ClockedReactor(reactor, self.clock)
        self.threads: Any = HeldThreads()
        self.database: Any = RunDatabase()
        self.addCleanup(self.database.close)
        self.wires: list[Wire] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "LITELLM_MASTER_KEY": "sk-master",
            "CLAUDEBOX_API_TOKEN": TOKEN,
            "CLAUDEBOX_ANTHROPIC_API_KEY": ACCOUNT,
            "CLAUDE_BIN": str(self.binary),
            "DATA_DIR": str(self.folder),
            "GROQ_API_KEY": "another-service",
            **self.settings,
        }
        self.tree = self.make_tree()
        self.table = RunTable("node", self.instance.name)
        await self.tree.start()

    def make_tree(self) -> ClaudeboxTree:
        """An instance, as a server makes it when it starts; its places for runs are free."""
        configuration = Configuration(read_settings(self.environment), self.environment, {})
        instance = make_instance(configuration, NAME)
        assert isinstance(instance, Instance), instance
        self.instance = instance
        self.slots = Slots(MOST_RUNS)
        tree = ClaudeboxTree(
            self.reactor, configuration, instance, "node", self.database, self.threads, self.slots
        )
        router = claudebox_routes(tree, 1_000_000, int(NOW))
        served = Tree(b"claudebox", router, render_detail, None, frozenset(), 600.0, errors_for)
        self.site = make_site(self.clock, Router(), others=[served])
        return tree

    async def tearDown(self) -> None:  # type: ignore[override]  # trial waits
        self.threads.held = False
        self.threads.work_off()
        self.database.failing.clear()
        for wire in self.wires:
            wire.transport.lose()
        left = list(self.runs)
        for run in left:
            for process in family(RUN_VARIABLE, run.record.id):
                send_signal(process, signal.SIGKILL)
            await run.over.wait()
        await self.tree.stop()
        self.assertEqual(left, [], "runs are left")
        self.assert_nothing_is_left()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(open_descriptors() - self.descriptors, {})

    def assert_nothing_is_left(self) -> None:
        """No process of any run, no busy workspace, no place taken."""
        self.assertEqual(list(self.runs), [])
        for transcript in self.instance.transcripts.iterdir():
            self.assertEqual(family(RUN_VARIABLE, transcript.stem), [], "processes are left")
        taken = 0
        while self.slots.take():
            taken += 1
        for _ in range(taken):
            self.slots.give_back()
        self.assertEqual(taken, MOST_RUNS, "places are taken")

    @property
    def claudebox(self) -> Claudebox:
        """The service."""
        return self.tree.claudebox

    @property
    def runs(self) -> Runs:
        """Its runs."""
        return self.tree.claudebox.runs

    # Runs.

    async def begin(self, prompt: str, **fields: Any) -> Run:
        """Begin a run."""
        return await self.runs.begin(RunRequest(prompt=prompt, **fields))

    async def done(self, prompt: str, **fields: Any) -> tuple[Run, Outcome]:
        """A run, and how it ended."""
        run = await self.begin(prompt, **fields)
        return run, await run.over.wait()

    async def holding(self, *directives: str, after: str = "say done", **fields: Any) -> Run:
        """
        A run that does something, says C{ready}, and waits for L{gate}, which is not there.

        @param after: What it does then.
        """
        prompt = "\n".join((*directives, "say ready", f"hold {self.gate}", after))
        run = await self.begin(prompt, **fields)
        await self.said(run.record.id, "ready")
        return run

    async def said(self, run_id: str, text: str) -> None:
        """Wait until a run has printed something."""
        follower = self.claudebox.followed(run_id)
        try:
            while (lines := await follower.lines()) is not None:
                if any(f'"{text}"'.encode() in line.text for line in lines):
                    return
            raise AssertionError(f"it ended and did not say {text}")
        finally:
            follower.stop()

    async def turn(self) -> None:
        """Wait for the real reactor's next turn."""
        await turn(self.real_reactor)

    def record(self, run_id: str) -> RunRecord:
        """What the database knows of a run."""
        record: RunRecord | None = self.database.now(lambda conn: self.table.find(conn, run_id))
        assert record is not None
        return record

    def started(self) -> list[dict[str, Any]]:
        """What the stand-in was started with, each time."""
        return stand_in_runs(self.instance.home)

    async def error(self, awaited: Awaitable[Any], *kinds: type[BaseException]) -> Any:
        """What comes of something that is to fail."""
        try:
            await awaited
        except kinds as error:
            return error
        raise AssertionError("nothing was raised")

    # HTTP.

    def send(
        self, method: str, path: str, body: Any = None, *lines: str, token: str = TOKEN
    ) -> Wire:
        """Send a request; the connection that its answer comes on."""
        data = b"" if body is None else body if isinstance(body, bytes) else _encoded(body)
        fields = [f"Authorization: Bearer {token}"] if token else []
        if method == "POST":
            fields.append(f"Content-Length: {len(data)}")
        wire = Wire(self.site, self.clock)
        self.wires.append(wire)
        wire.send(head(method, f"/claudebox{path}", *fields, *lines) + data)
        return wire

    def ask(self, *arguments: Any, **more: Any) -> Answer:
        """The answer to a request that has it at once."""
        return self.send(*arguments, **more).answer()

    async def answered(self, *arguments: Any, **more: Any) -> Answer:
        """The answer to a request that has it when all runs are over."""
        wire = self.send(*arguments, **more)
        for run in list(self.runs):
            await run.over.wait()
        return wire.answer()

    def value(self, answer: Answer, status: int = 200) -> Any:
        """The value of an answer in JSON."""
        self.assertEqual((answer.status, answer.whole), (status, True), answer.body)
        self.assertEqual(answer.field("content-type"), "application/json")
        return msgspec.json.decode(answer.body)

    def detail(self, answer: Answer, status: int) -> str:
        """What an answer says is wrong."""
        detail: str = self.value(answer, status)["detail"]
        return detail


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)
