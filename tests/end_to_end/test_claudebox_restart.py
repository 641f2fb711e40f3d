"""The server ends in mid-run, and is started again on the same folder and port."""

from __future__ import annotations

import signal
import threading
from typing import Any

from tests.end_to_end.anthropic_server import ScriptedAnthropic
from tests.end_to_end.anthropic_steps import Hold, Say
from tests.end_to_end.claudebox_server import ClaudeboxServer, ClaudeboxTestCase, Pending


class RestartTests(ClaudeboxTestCase):
    """Runs that need no client go on; the others are ended."""

    @classmethod
    def start_server(cls) -> tuple[ClaudeboxServer, ScriptedAnthropic]:
        anthropic = ScriptedAnthropic()
        cls.addClassCleanup(anthropic.stop)
        server = ClaudeboxServer(anthropic, SHUTDOWN_GRACE="1s")
        cls.addClassCleanup(server.stop)
        return server.wait_until_up(), anthropic

    def end_server(self, how: signal.Signals) -> None:
        """End it, and wait until it is gone."""
        if how is signal.SIGKILL:
            self.server.kill()
        else:
            self.assertEqual(self.server.terminate(), 0)

    def restart(self, how: signal.Signals) -> None:
        """End the server, and start it again."""
        self.end_server(how)
        self.server.start()
        self.server.wait_until_up()

    def go_on(self, how: signal.Signals) -> None:
        """Three runs that need no client, in mid-answer, in mid-tool and in mid-start."""
        go = threading.Event()
        answering = self.hold_in("answering", Hold(go, Say("The end.")), fireAndForget=True)
        waiting = self.hold_in("waiting", Hold(threading.Event()), **{"async": True})
        ordinary = self.hold_in("ordinary", Hold(threading.Event()))
        runs = {run["workspace"]: run["runId"] for run in self.server.status()["runs"]}
        names = [f"{self.name}-{word}" for word in ("answering", "waiting", "ordinary")]
        answering_id, waiting_id, ordinary_id = (runs[name] for name in names)
        following = self.server.events(answering_id).events()
        first = next(following)
        self.restart(how)
        for pending in (answering, waiting, ordinary):
            pending.leave()
        # Ordinary runs are over; the others are this server's now.
        self.assertEqual(self.server.status()["busyWorkspaces"], sorted(names[:2]))
        told = self.server.result(ordinary_id).value
        expected = "failed" if how is signal.SIGKILL else "cancelled"
        self.assertEqual(told["status"], expected)
        self.assertEqual(self.server.run("hello", names[0]).status, 409)
        self.assertEqual(self.server.result(answering_id).value["status"], "running")
        # The events from the start, and from where the old server left the client.
        whole = self.server.events(answering_id).events()
        rest = self.server.events(answering_id, first.id).events()
        self.assertEqual(next(whole), first)
        go.set()
        *lines, end = rest
        self.assertEqual(list(whole), [*lines, end])
        self.assertEqual(lines[-1].value["type"], "result")
        self.assertEqual(end.value["status"], "completed")
        result = self.server.result_of(answering_id)
        self.assertEqual(result["result"], "Once upon a time. The end.")
        # The one that waits in vain is cancelled.
        answer = self.server.cancel(runId=waiting_id)
        self.assertEqual((answer.status, answer.value["status"]), (200, "cancelled"))
        self.assertEqual(self.server.run_processes(), [])
        self.assertEqual(self.server.result(waiting_id).value["status"], "cancelled")
        # The sessions go on.
        marker = f"{self.name}-more"
        self.anthropic.script(marker, Say("More."))
        more = self.server.run(marker, names[0]).value
        self.assertEqual((more["result"], more["sessionId"]), ("More.", result["sessionId"]))

    def hold_in(self, word: str, hold: Hold, **fields: Any) -> Pending:
        """A run in the middle of an answer, in a workspace of its own."""
        name = f"{self.name}-{word}"
        self.anthropic.script(name, hold)
        pending = self.server.begin(name, name, **fields)
        self.assertTrue(hold.reached.wait(30), self.server.log)
        return pending

    def test_stopped(self) -> None:
        """SIGTERM."""
        self.go_on(signal.SIGTERM)

    def test_killed(self) -> None:
        """SIGKILL."""
        self.go_on(signal.SIGKILL)

    def test_in_mid_tool(self) -> None:
        """A command goes on without a server, and is cancelled by the next."""
        self.hang(**{"async": True}).leave()
        run_id = self.run_id()
        self.restart(signal.SIGKILL)
        self.assertEqual(self.run_id(), run_id)
        self.assertIn("sleep 1000", str(self.server.run_processes()))
        self.assertEqual(self.server.cancel(workspace=self.name).status, 200)
        self.assertEqual(self.server.run_processes(), [])

    def test_done_meanwhile(self) -> None:
        """A run that ends while there is no server has its result all the same."""
        go = threading.Event()
        self.hold(Hold(go, Say("The end.")), fireAndForget=True)
        run_id = self.run_id()
        self.end_server(signal.SIGKILL)
        go.set()
        self.wait_for_no_process()
        self.server.start()
        self.server.wait_until_up()
        self.assertEqual(self.server.status(), {"busyWorkspaces": [], "runs": []})
        result = self.server.result(run_id).value
        self.assertEqual(result["status"], "completed")
        self.assertEqual(result["result"], "Once upon a time. The end.")
        *_, end = self.server.events(run_id).events()
        self.assertEqual(end.value["status"], "completed")

    def test_timeout_over_a_restart(self) -> None:
        """The time that a run may take is counted from its start."""
        self.anthropic.script(self.name, Hold(threading.Event()))
        begun = self.server.run(self.name, self.name, **{"async": True}, timeoutSeconds=3)
        run_id = begun.value["runId"]
        self.restart(signal.SIGTERM)
        told = self.server.result_of(run_id)
        self.assertEqual(told["status"], "failed")
        self.assertIn("longer than it may", told["detail"])
        self.assertEqual(self.server.run_processes(), [])

    def test_twice(self) -> None:
        """A run outlives two servers."""
        go = threading.Event()
        self.hold(Hold(go, Say("The end.")), **{"async": True})
        run_id = self.run_id()
        self.restart(signal.SIGTERM)
        self.restart(signal.SIGKILL)
        self.assertEqual(self.server.result(run_id).value["status"], "running")
        go.set()
        self.assertEqual(self.server.result_of(run_id)["status"], "completed")
