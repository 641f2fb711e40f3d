"""Clients that leave, runs that are cancelled or take too long: nothing of them is left."""

from __future__ import annotations

import threading

from tests.end_to_end.anthropic_steps import Hold, Say, UseTool
from tests.end_to_end.claudebox_server import ClaudeboxTestCase, Pending
from tests.support.waiting import eventually


class DisconnectTests(ClaudeboxTestCase):
    """The client goes away."""

    def test_before_it_starts(self) -> None:
        """At once after the request was sent: whatever had begun ends."""
        for _ in range(3):
            self.server.begin("hello", self.name).leave()
        self.wait_until_idle()
        # The last may only now begin, and end.
        eventually(lambda: self.server.run("hello", self.name).status == 200, "it stays busy")

    def test_in_mid_answer(self) -> None:
        """While the API answers: the API sees it go."""
        self.hold(Hold(threading.Event())).leave()
        self.assertTrue(self.anthropic.gone.wait(20))
        self.wait_until_idle()

    def test_in_mid_tool(self) -> None:
        """While a command runs: the command ends too."""
        pending = self.hang()
        self.assertIn("sleep 1000", str(self.server.run_processes()))
        pending.leave()
        self.wait_until_idle()

    def test_half_a_request(self) -> None:
        """Before the whole request was there: nothing has begun."""
        body = {"Content_Length": "1000"}
        pending = self.server.send("POST", "/run", b'{"prompt": "hello", ', **body)
        pending.leave()
        self.wait_until_idle()
        self.assertFalse(self.folder.exists())

    def test_result_of_who_left(self) -> None:
        """The run is known as cancelled, and its session can be gone on with."""
        pending = self.hold(Hold(threading.Event()))
        run_id = self.run_id()
        pending.leave()
        self.assertEqual(self.server.result_of(run_id)["status"], "cancelled")
        self.anthropic.script(f"{self.name} again", Say("I am back."))
        self.assertEqual(self.run_it("again")["result"], "I am back.")


class DetachedTests(ClaudeboxTestCase):
    """Runs that do not need their client."""

    def test_fire_and_forget(self) -> None:
        """The run goes on, the workspace stays busy, and the result waits."""
        go = threading.Event()
        pending = self.hold(Hold(go, Say("The end.")), fireAndForget=True)
        run_id = self.run_id()
        pending.leave()
        self.assertEqual(self.server.run("hello", self.name).status, 409)
        told = self.server.result(run_id)
        running = {"status": "running", "runId": run_id, "workspace": self.name}
        self.assertEqual((told.status, told.value), (200, running))
        go.set()
        result = self.server.result_of(run_id)
        self.assertEqual(result["status"], "completed")
        self.assertEqual(result["result"], "Once upon a time. The end.")
        self.assertEqual(result["runId"], run_id)

    def test_fire_and_forget_in_mid_tool(self) -> None:
        """A command goes on too, and ends by itself."""
        release = "mkfifo go; read line <go; echo read $line >done & echo $$ >started; wait"
        command = UseTool("Bash", {"command": release, "description": "x"})
        self.anthropic.script(self.name, command, Say("Read."))
        pending = self.server.begin(self.name, self.name, fireAndForget=True)
        eventually((self.folder / "go").exists, "the command does not start")
        run_id = self.run_id()
        pending.leave()
        (self.folder / "go").write_text("it\n")
        self.assertEqual(self.server.result_of(run_id)["result"], "Read.")
        self.assertEqual((self.folder / "done").read_text(), "read it\n")

    def test_fire_and_forget_at_once(self) -> None:
        """A client that leaves before the run has a process does not take it along."""
        go = threading.Event()
        hold = Hold(go, Say("The end."))
        self.anthropic.script(self.name, hold)
        self.server.begin(self.name, self.name, fireAndForget=True).leave()
        self.assertTrue(hold.reached.wait(20))
        run_id = self.run_id()
        go.set()
        self.assertEqual(self.server.result_of(run_id)["status"], "completed")

    def test_fire_and_forget_stays(self) -> None:
        """A client that stays gets the result, as without it."""
        self.anthropic.script(self.name, Say("The end."))
        self.assertEqual(self.run_it(fireAndForget=True)["result"], "The end.")

    def test_async(self) -> None:
        """202 at once with the id; events as they come; the result under the id."""
        go = threading.Event()
        hold = Hold(go, Say("The end."))
        self.anthropic.script(self.name, hold)
        begun = self.server.run(self.name, self.name, **{"async": True})
        self.assertEqual(begun.status, 202)
        run_id = begun.value["runId"]
        running = {"status": "running", "runId": run_id, "workspace": self.name}
        self.assertEqual(begun.value, running)
        self.assertTrue(hold.reached.wait(20))
        following = self.server.events(run_id)
        events = following.events()
        first = next(events)
        self.assertEqual((first.value["type"], first.value["subtype"]), ("system", "init"))
        self.assertEqual(following.response.headers["Content-Type"], "text/event-stream")
        go.set()
        *lines, end = events
        self.assertEqual([event.value["type"] for event in lines][-1], "result")
        self.assertEqual((end.kind, end.value), ("end", {"runId": run_id, "status": "completed"}))
        self.assertEqual(self.server.result(run_id).value["result"], "Once upon a time. The end.")
        # Once more, from the start and from the middle, now that it is over.
        self.assertEqual(list(self.server.events(run_id).events()), [first, *lines, end])
        self.assertEqual(list(self.server.events(run_id, first.id).events()), [*lines, end])
        self.assertEqual(list(self.server.events(run_id, lines[-1].id).events()), [end])

    def test_follower_leaves(self) -> None:
        """Who follows events and leaves does not end the run."""
        go = threading.Event()
        self.hold(Hold(go, Say("The end.")), **{"async": True}).leave()
        run_id = self.run_id()
        following = self.server.events(run_id)
        next(following.events())
        following.leave()
        go.set()
        self.assertEqual(self.server.result_of(run_id)["status"], "completed")

    def test_unknown(self) -> None:
        """A run that is not known, an event that is none of its."""
        self.assertEqual(self.server.result("none").status, 404)
        self.assertEqual(self.server.events("none").answer().status, 404)
        self.assertEqual(self.server.cancel(runId="none").status, 404)
        self.assertEqual(self.server.cancel(workspace="none").status, 404)
        self.assertFalse((self.server.workspaces / "none").exists())
        run_id = self.run_it()["runId"]
        self.assertEqual(self.server.events(run_id, 7).answer().status, 400)
        self.assertEqual(self.server.events(run_id, 10**9).answer().status, 400)


class CancelTests(ClaudeboxTestCase):
    """C{POST /run/cancel}, and C{timeoutSeconds}."""

    def cancelled(self, pending: Pending) -> None:
        """Cancel: when that is answered, no process is left, and the client hears 410."""
        run_id = self.run_id()
        answer = self.server.cancel(runId=run_id)
        self.assertEqual((answer.status, answer.value["status"]), (200, "cancelled"))
        self.assertEqual(self.server.run_processes(), [])
        self.assertEqual(self.server.status(), {"busyWorkspaces": [], "runs": []})
        told = pending.answer()
        self.assertEqual(told.status, 410)
        self.assertEqual((told.value["status"], told.value["runId"]), ("cancelled", run_id))
        self.assertEqual(self.server.result(run_id).value["status"], "cancelled")

    def test_in_mid_answer(self) -> None:
        """While the API answers."""
        self.cancelled(self.hold(Hold(threading.Event())))

    def test_command(self) -> None:
        """While a command runs."""
        self.cancelled(self.hang("sleep 1000"))

    def test_setsid(self) -> None:
        """A command that has left the session of all others."""
        self.cancelled(self.hang("setsid -f setsid sleep 1001; sleep 1000"))

    def test_without_environment(self) -> None:
        """A command without the run's mark, in a session of its own."""
        self.cancelled(self.hang("setsid env -i sleep 1002 & sleep 1000"))

    def test_deaf_to_sigterm(self) -> None:
        """A command that does not heed SIGTERM is killed."""
        self.cancelled(self.hang("(trap '' TERM; exec sleep 1003)"))

    def test_background_tool(self) -> None:
        """A command that the Bash tool has put in the background, while the run goes on."""
        go = threading.Event()
        hold = Hold(go)
        command = {
            "command": "exec sleep 1004",
            "description": "Wait",
            "run_in_background": True,
        }
        self.anthropic.script(self.name, UseTool("Bash", command), hold)
        pending = self.server.begin(self.name, self.name)
        self.assertTrue(hold.reached.wait(20))
        eventually(lambda: "sleep 1004" in str(self.server.run_processes()), "it does not run")
        self.cancelled(pending)

    def test_left_behind(self) -> None:
        """What a run that ends by itself has left running ends with it."""
        command = {"command": "setsid -f sleep 1005; echo left", "description": "x"}
        self.anthropic.script(self.name, UseTool("Bash", command), Say("Done."))
        self.assertEqual(self.run_it()["result"], "Done.")
        self.assertEqual(self.server.run_processes(), [])

    def test_detached(self) -> None:
        """A run without a client is cancelled too; who follows it hears of it."""
        self.hold(Hold(threading.Event()), **{"async": True}).leave()
        run_id = self.run_id()
        following = self.server.events(run_id)
        self.server.cancel(runId=run_id)
        *_, end = following.events()
        self.assertEqual((end.kind, end.value["status"]), ("end", "cancelled"))
        self.assertEqual(self.server.result(run_id).value["status"], "cancelled")

    def test_twice(self) -> None:
        """Two who cancel hear the same."""
        pending = self.hang()
        first = self.server.send("POST", f"/run/cancel?workspace={self.name}")
        second = self.server.send("POST", f"/run/cancel?workspace={self.name}")
        statuses = [first.answer().status, second.answer().status]
        self.assertIn(statuses, ([200, 200], [200, 404], [404, 200]))
        self.assertEqual(pending.answer().status, 410)

    def test_timeout(self) -> None:
        """A run that takes too long is 504, whoever waits or not."""
        steps = (
            UseTool("Bash", {"command": "sleep 1006", "description": "x"}),
            Hold(threading.Event()),
        )
        self.anthropic.script(self.name, *steps)
        answer = self.server.run(self.name, self.name, timeoutSeconds=1)
        self.assertEqual((answer.status, answer.value["status"]), (504, "failed"))
        self.assertEqual(self.server.run_processes(), [])
        self.assertEqual(self.server.result(answer.value["runId"]).value["status"], "failed")
