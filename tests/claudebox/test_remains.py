"""What an ended run has left: processes and an explanation."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.instance import RUN_VARIABLE
from twisted_aigate.claudebox.records import COMPLETED, FAILED, Outcome
from twisted_aigate.claudebox.remains import (
    Result,
    bury,
    judge,
    read_result,
    signal_run,
    stderr_tail,
)
from twisted_aigate.claudebox.run import CANCEL_ASKED
from twisted_aigate.kernel.process_table import ProcessIdentity, family, identify, is_marked


class StructuredTests(SynchronousTestCase):
    def test_no_structured_output(self) -> None:
        """A schema that Claude Code did not heed is a failure."""
        done = Result({"type": "result", "is_error": False, "result": "x"})
        self.assertEqual(judge(0, done, None, has_schema=True).status, FAILED)
        self.assertEqual(judge(0, done, None).status, COMPLETED)
        structured = Result({**done.fields, "structured_output": {"a": 1}})
        self.assertEqual(judge(0, structured, None, has_schema=True).status, COMPLETED)


class ProcessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.run_id = uuid.uuid4().hex
        self.processes: list[subprocess.Popen[bytes]] = []
        self.addCleanup(self.reap)

    def reap(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def start(self, *, marked: bool = True) -> ProcessIdentity:
        environment = {RUN_VARIABLE: self.run_id} if marked else {}
        process = subprocess.Popen(["/bin/sleep", "1000"], env=environment)
        self.processes.append(process)
        identity = identify(process.pid)
        assert identity is not None
        while marked and not is_marked(identity, RUN_VARIABLE, self.run_id):
            # It has its environment a moment after it is its program.
            self.assertIsNone(process.poll())
        return identity

    def ended(self) -> list[bool]:
        """Which ended, each once it has had the time to."""
        return [process.poll() is not None for process in self.processes]

    def test_all_of_a_run_get_it(self) -> None:
        first = self.start()
        self.start()
        self.start(marked=False)
        self.assertEqual(signal_run(self.run_id, first, signal.SIGTERM), 2)
        self.assertEqual([self.processes[number].wait() for number in (0, 1)], [-15, -15])
        self.assertEqual(self.ended(), [True, True, False])
        self.assertEqual(signal_run(self.run_id, first, signal.SIGTERM), 0)
        self.assertEqual(signal_run(self.run_id, None, signal.SIGTERM), 0)

    def test_the_first_gets_it_though_it_has_no_environment_yet(self) -> None:
        first = self.start(marked=False)
        self.assertEqual(family(RUN_VARIABLE, self.run_id), [])
        self.assertEqual(signal_run(self.run_id, first, signal.SIGTERM), 1)
        self.assertEqual(self.processes[0].wait(), -15)

    def test_one_that_has_its_id_now_does_not(self) -> None:
        stranger = self.start(marked=False)
        for first in (evolve(stranger, started=stranger.started - 1), evolve(stranger, boot="x")):
            self.assertEqual(signal_run(self.run_id, first, signal.SIGKILL), 0)
        self.assertEqual(self.ended(), [False])

    def test_buried(self) -> None:
        first = self.start()
        self.start()
        bury(self.run_id, first)
        self.assertEqual(family(RUN_VARIABLE, self.run_id), [])
        self.start()
        bury(self.run_id, None)
        self.assertEqual(family(RUN_VARIABLE, self.run_id), [])


class JudgementTests(SynchronousTestCase):
    def test_how_a_run_ended(self) -> None:
        good, bad = Result({"result": "x"}), Result({"is_error": True, "result": "broken"})
        for exit_code, result, why, status, detail in (
            (0, good, None, COMPLETED, ""),
            (None, good, None, COMPLETED, ""),
            (0, good, CANCEL_ASKED, COMPLETED, ""),
            (1, good, None, FAILED, "Claude Code failed: x"),
            (1, good, CANCEL_ASKED, CANCEL_ASKED.status, CANCEL_ASKED.detail),
            (0, bad, None, FAILED, "Claude Code failed: broken"),
            (1, bad, CANCEL_ASKED, CANCEL_ASKED.status, CANCEL_ASKED.detail),
            (143, None, CANCEL_ASKED, CANCEL_ASKED.status, CANCEL_ASKED.detail),
            (2, None, None, FAILED,
             "Claude Code ended with the exit status 2 and printed no result."),
            (None, None, None, FAILED, "Claude Code was killed and printed no result."),
        ):  # fmt: skip
            self.assertEqual(judge(exit_code, result, why), Outcome(status, detail, exit_code))

    def test_what_a_result_says(self) -> None:
        fields: dict[str, Any]
        for fields, said in (
            ({"result": "r", "errors": ["e"], "subtype": "s"}, "r"),
            ({"result": "", "errors": ["e", "f"], "subtype": "s"}, "e"),
            ({"errors": [], "subtype": "s"}, "s"),
            ({}, ""),
            ({"result": {"a": 1}}, "{'a': 1}"),
            ({"result": "a\0b"}, "a\ufffdb"),
        ):
            self.assertEqual(Result(fields).explanation, said, fields)
        for fields, session in (({"session_id": "x"}, "x"), ({"session_id": 1}, None), ({}, None)):
            self.assertEqual(Result(fields).session_id, session)


class FileTests(SynchronousTestCase):
    def test_nothing_is_there(self) -> None:
        path = Path(self.mktemp())
        self.assertIsNone(read_result(path))
        self.assertEqual(stderr_tail(path), "")

    def test_the_end_of_standard_error(self) -> None:
        path = Path(self.mktemp())
        for content, wanted in ((b"", ""), (b"caf\xe9", "caf\ufffd"), ("ü".encode() * 3, "üüü")):
            path.write_bytes(content)
            self.assertEqual(stderr_tail(path), wanted)
        path.write_bytes(b"x" * 1_000_000 + b"end")
        tail = stderr_tail(path)
        self.assertTrue(tail.endswith("xend"))
        self.assertLess(len(tail), 100_000)
        self.assertGreater(len(tail), 4096)
        self.assertEqual(os.stat(path).st_size, 1_000_003)
