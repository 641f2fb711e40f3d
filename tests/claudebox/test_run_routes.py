"""Runs over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import frozen

from tests.claudebox.case import MOST_RUNS, ClaudeboxCase
from tests.support.edge import Wire
from twisted_aigate.claudebox.records import COMPLETED
from twisted_aigate.claudebox.run import CANCEL_ASKED
from twisted_aigate.kernel.processes import TERMINATE_GRACE

_EVENTS = "text/event-stream"


@frozen
class Event:
    """A server-sent event."""

    id: int | None
    kind: str
    value: Any


def events(body: bytes) -> list[Event]:
    """A stream's events; comments are passed over."""
    found = []
    *blocks, rest = body.decode().split("\n\n")
    assert rest == "", rest
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "data" in fields:
            number = int(fields["id"]) if "id" in fields else None
            value = msgspec.json.decode(fields["data"])
            found.append(Event(number, fields.get("event", "message"), value))
    return found


class AccessTests(ClaudeboxCase):
    def test_health_needs_no_token(self) -> None:
        for token in ("", "wrong"):
            answer = self.ask("GET", "/health", token=token)
            self.assertEqual(self.value(answer), {"status": "ok"})

    def test_all_else_does(self) -> None:
        for method, path in (
            ("GET", "/status"), ("POST", "/run"), ("GET", "/run/result?runId=x"),
            ("GET", "/run/events?runId=x"), ("POST", "/run/cancel"), ("GET", "/files"),
            ("GET", "/files/x"), ("GET", "/openai/v1/models"),
            ("POST", "/openai/v1/chat/completions"),
        ):  # fmt: skip
            for token in ("", "wrong"):
                answer = self.ask(method, path, token=token)
                self.assertEqual(answer.status, 401, path)
                value = msgspec.json.decode(answer.body)
                self.assertEqual(list(value), ["error" if "openai" in path else "detail"], path)

    def test_paths_and_methods_that_are_none(self) -> None:
        for method, path, status in (
            ("GET", "/run", 405),
            ("GET", "/run/cancel", 405),
            ("POST", "/status", 405),
            ("GET", "/nothing", 404),
        ):
            self.assertEqual(self.ask(method, path).status, status, path)


class RunTests(ClaudeboxCase):
    async def test_a_result(self) -> None:
        answer = await self.answered("POST", "/run", {"prompt": "say hi", "workspace": "ws"})
        value = self.value(answer)
        self.assertEqual((value["result"], value["workspace"]), ("hi", "ws"))
        self.assertEqual(self.record(value["runId"]).workspace, "ws")

    async def test_with_turns(self) -> None:
        asked = {"prompt": "tool ls\nsay hi", "outputFormat": "json-verbose"}
        value = self.value(await self.answered("POST", "/run", asked))
        self.assertEqual(len(value["turns"]), 3)

    def test_what_is_refused(self) -> None:
        for body, status, named in (
            (b"", 400, "JSON"),
            (b"{", 400, "JSON"),
            (b'{"mcpConfig":' + b'{"a":' * 100_000, 400, "JSON"),
            (b"[]", 422, "body"),
            ({}, 422, "'prompt'"),
            ({"prompt": ""}, 422, "'prompt'"),
            ({"prompt": 1}, 422, "'prompt'"),
            ({"prompt": "x", "effort": "huge"}, 422, "'effort'"),
            ({"prompt": "x", "outputFormat": "text"}, 422, "'outputFormat'"),
            ({"prompt": "x", "jsonSchema": '{"type": 1}'}, 422, "'jsonSchema'"),
            ({"prompt": "x", "jsonSchema": '{"a":' * 10_000}, 422, "'jsonSchema'"),
            ({"prompt": "x", "mcpConfig": {}}, 422, "'mcpConfig'"),
            ({"prompt": "x", "allowedTools": ["-x"]}, 422, "'allowedTools"),
            ({"prompt": "x", "typo": 1}, 422, "`typo`"),
            ({"prompt": "x", "workspace": "../x"}, 400, "workspaces"),
            ({"prompt": "x", "workspace": "/x"}, 400, "relative"),
            ({"prompt": "x", "workspace": "a\0"}, 400, "NUL"),
        ):  # fmt: skip
            detail = self.detail(self.ask("POST", "/run", body), status)
            self.assertIn(named, detail, body)
        self.assertEqual(self.ask("POST", "/run", b"x" * 1_000_001).status, 413)
        self.assertEqual(self.started(), [])

    async def test_a_failure(self) -> None:
        answer = await self.answered("POST", "/run", {"prompt": "stderr oops\nexit 3"})
        value = self.value(answer, 502)
        self.assertEqual(
            (value["status"], value["exitCode"], value["stderr"]), ("failed", 3, "oops\n")
        )
        self.assertIn("exit status 3", value["detail"])

    def test_claude_code_is_not_installed(self) -> None:
        self.binary.unlink()
        answer = self.ask("POST", "/run", {"prompt": "x"})
        self.assertIn("npm install -g @anthropic-ai/claude-code", self.detail(answer, 503))

    async def test_its_time_is_up(self) -> None:
        asked = {"prompt": f"say ready\nhold {self.gate}", "timeoutSeconds": 5}
        wire = self.send("POST", "/run", asked)
        (run,) = self.runs
        await self.said(run.record.id, "ready")
        self.clock.advance(5)
        await run.over.wait()
        self.assertIn("longer than it may", self.detail(wire.answer(), 504))

    async def test_a_run_of_its_own_time_outlasts_the_requests(self) -> None:
        asked = {"prompt": f"say ready\nhold {self.gate}", "timeoutSeconds": 5000}
        wire = self.send("POST", "/run", asked)
        (run,) = self.runs
        await self.said(run.record.id, "ready")
        self.clock.advance(4999)
        self.assertEqual((wire.answers(), run.status), ([], "running"))
        self.gate.touch()
        await run.over.wait()
        self.assertEqual(wire.answer().status, 200)

    async def test_a_busy_workspace(self) -> None:
        run = await self.holding(workspace="ws")
        value = self.value(self.ask("POST", "/run", {"prompt": "x", "workspace": "ws"}), 409)
        self.assertEqual(value["runId"], run.record.id)
        self.gate.touch()
        await run.over.wait()

    async def test_two_at_once_in_one_workspace(self) -> None:
        wires = [self.send("POST", "/run", {"prompt": "say x"}) for _ in range(2)]
        (run,) = self.runs
        await run.over.wait()
        self.assertEqual(sorted(wire.answer().status for wire in wires), [200, 409])

    async def test_too_many(self) -> None:
        runs = [await self.holding(workspace=str(number)) for number in range(MOST_RUNS)]
        answer = self.ask("POST", "/run", {"prompt": "x"})
        self.assertEqual((answer.status, answer.field("retry-after")), (429, "5"))
        [family] = await self.tree.figures()
        self.assertEqual(family.samples, [(("claudebox",), MOST_RUNS)])
        self.gate.touch()
        for run in runs:
            await run.over.wait()
        [family] = await self.tree.figures()
        self.assertEqual(family.samples, [(("claudebox",), 0)])

    async def test_the_client_leaves(self) -> None:
        for more, status in (({}, "cancelled"), ({"fireAndForget": True}, COMPLETED)):
            asked = {"prompt": f"spawn\nsay ready\nhold {self.gate}\nsay done", **more}
            wire = self.send("POST", "/run", asked)
            (run,) = self.runs
            await self.said(run.record.id, "ready")
            wire.transport.lose()
            if more:
                self.assertEqual(run.status, "running")
                self.gate.touch()
            outcome = await run.over.wait()
            self.assertEqual(outcome.status, status)
            self.assert_nothing_is_left()
            answer = self.ask("GET", f"/run/result?runId={run.record.id}")
            self.assertEqual(self.value(answer)["status"], status)

    async def test_answered_at_once(self) -> None:
        asked = {"prompt": f"hold {self.gate}\nsay x", "async": True, "workspace": "ws"}
        wire = self.send("POST", "/run", asked)
        value = self.value(wire.answer(), 202)
        (run,) = self.runs
        self.assertEqual(value, {"status": "running", "runId": run.record.id, "workspace": "ws"})
        wire.transport.lose()
        self.gate.touch()
        self.assertEqual((await run.over.wait()).status, COMPLETED)


class StatusTests(ClaudeboxCase):
    async def test_status(self) -> None:
        self.assertEqual(self.value(self.ask("GET", "/status")), {"busyWorkspaces": [], "runs": []})
        first = await self.holding(workspace="b/c")
        second = await self.holding("ignore-sigterm", workspace="a")
        cancelling = self.send("POST", "/run/cancel?workspace=a")
        self.assertEqual(
            self.value(self.ask("GET", "/status")),
            {
                "busyWorkspaces": ["a", "b/c"],
                "runs": [
                    {"runId": first.record.id, "workspace": "b/c", "status": "running"},
                    {"runId": second.record.id, "workspace": "a", "status": "ending"},
                ],
            },
        )
        self.clock.advance(TERMINATE_GRACE)
        await second.over.wait()
        self.assertEqual(cancelling.answer().status, 200)
        self.gate.touch()
        await first.over.wait()
        self.assertEqual(self.value(self.ask("GET", "/status")), {"busyWorkspaces": [], "runs": []})


class ResultTests(ClaudeboxCase):
    def result(self, run_id: str) -> Any:
        return self.value(self.ask("GET", f"/run/result?runId={run_id}"))

    async def test_how_a_run_stands(self) -> None:
        run = await self.holding(workspace="ws", output_format="json-verbose")
        told = {"runId": run.record.id, "workspace": "ws"}
        self.assertEqual(self.result(run.record.id), {"status": "running", **told})
        self.gate.touch()
        await run.over.wait()
        result = self.result(run.record.id)
        self.assertEqual((result["status"], result["result"]), ("completed", "done"))
        self.assertEqual(len(result["turns"]), 2)

    async def test_one_that_failed(self) -> None:
        run, _ = await self.done("stderr oops\nexit 7")
        result = self.result(run.record.id)
        self.assertEqual((result["status"], result["exitCode"]), ("failed", 7))
        self.assertEqual(result["stderr"], "oops\n")

    def test_none(self) -> None:
        self.assertEqual(self.ask("GET", "/run/result?runId=unknown").status, 404)
        self.assertEqual(self.ask("GET", "/run/result?runId=").status, 404)
        self.assertIn("runId", self.detail(self.ask("GET", "/run/result"), 400))


class CancelTests(ClaudeboxCase):
    async def cancelled(self, wire: Wire) -> Any:
        for run in list(self.runs):
            await run.over.wait()
        return self.value(wire.answer())

    async def test_by_workspace_and_by_id(self) -> None:
        for query in ("workspace=a%2Fb", "runId={}"):
            run = await self.holding("spawn", workspace="a/b")
            wire = self.send("POST", f"/run/cancel?{query.format(run.record.id)}")
            value = await self.cancelled(wire)
            told = {"status": "cancelled", "runId": run.record.id, "workspace": "a/b"}
            self.assertEqual(value, told)

    async def test_who_waits_for_it_is_told(self) -> None:
        waiting = self.send("POST", "/run", {"prompt": f"say ready\nhold {self.gate}"})
        (run,) = self.runs
        await self.said(run.record.id, "ready")
        await self.cancelled(self.send("POST", "/run/cancel"))
        value = self.value(waiting.answer(), 410)
        self.assertEqual(
            (value["status"], value["detail"]), ("cancelled", "The run was cancelled.")
        )

    def test_nothing_runs(self) -> None:
        for query in ("", "?workspace=x", "?runId=x"):
            answer = self.ask("POST", f"/run/cancel{query}")
            self.assertTrue(self.detail(answer, 404))
        self.assertEqual(self.ask("POST", "/run/cancel?workspace=..%2Fx").status, 400)


class EventTests(ClaudeboxCase):
    def follow(self, run_id: str, *lines: str) -> Wire:
        return self.send("GET", f"/run/events?runId={run_id}", None, *lines)

    async def test_all_of_them_and_the_end(self) -> None:
        run = await self.holding()
        wire = self.follow(run.record.id)
        (begun,) = wire.answers()
        self.assertEqual((begun.status, begun.field("content-type")), (200, _EVENTS))
        self.assertEqual(begun.field("cache-control"), "no-store")
        self.gate.touch()
        await run.over.wait()
        answer = wire.answer()
        self.assertTrue(answer.whole)
        *lines, end = events(answer.body)
        self.assertEqual(
            [line.value["type"] for line in lines], ["system", "assistant", "assistant", "result"]
        )
        told = {"runId": run.record.id, "status": "completed"}
        self.assertEqual(end, Event(None, "end", told))

    async def test_resumed_after_any_event(self) -> None:
        run, _ = await self.done("say a\ntool b", include_partial_messages=True)
        whole = events(self.follow(run.record.id).answer().body)
        for number, event in enumerate(whole[:-1]):
            wire = self.follow(run.record.id, f"Last-Event-ID: {event.id}")
            self.assertEqual(events(wire.answer().body), whole[number + 1 :])

    async def test_each_way_to_end(self) -> None:
        for prompt, status in (("say x", "completed"), ("exit 3", "failed")):
            run, _ = await self.done(prompt)
            end = events(self.follow(run.record.id).answer().body)[-1]
            self.assertEqual((end.kind, end.value["status"]), ("end", status))
        run = await self.holding()
        wire = self.follow(run.record.id)
        run.events.end(CANCEL_ASKED)
        await run.over.wait()
        self.assertEqual(events(wire.answer().body)[-1].value["status"], "cancelled")

    async def test_a_sign_of_life(self) -> None:
        run = await self.holding()
        wire = self.follow(run.record.id)
        before = len(wire.transport.sent)
        self.clock.advance(14.5)
        self.assertEqual(len(wire.transport.sent), before)
        self.clock.advance(0.5)
        self.assertIn(b": keep-alive\n\n", wire.transport.sent[before:])
        for _ in range(100):
            # For as long as it takes: the request's time-out does not end it.
            self.clock.advance(15)
        self.assertFalse(wire.transport.closed)
        self.gate.touch()
        await run.over.wait()
        self.assertEqual(events(wire.answer().body)[-1].kind, "end")

    async def test_what_is_no_event(self) -> None:
        run, _ = await self.done("say x")
        for last in ("x", "-1", "1.5", "1", "99999999", "9" * 18, "9" * 19, "9" * 5000):
            answer = self.follow(run.record.id, f"Last-Event-ID: {last}").answer()
            self.assertIn("Last-Event-ID", self.detail(answer, 400), last)
        self.assertEqual(self.follow("unknown").answer().status, 404)

    async def test_a_client_that_leaves(self) -> None:
        run = await self.holding()
        wire = self.follow(run.record.id)
        wire.transport.lose()
        self.assertEqual(run.status, "running")
        self.gate.touch()
        await run.over.wait()

    async def test_head(self) -> None:
        run = await self.holding()
        wire = self.send("HEAD", f"/run/events?runId={run.record.id}")
        self.assertEqual(wire.answer(to_head=True).status, 200)
        self.gate.touch()
        await run.over.wait()
        self.assertEqual(wire.answer(to_head=True).body, b"")
        self.assertTrue(wire.transport.sent.endswith(b"\r\n\r\n"))

    async def test_a_client_that_reads_slowly(self) -> None:
        run = await self.holding(after="big 2000000")
        wire = self.follow(run.record.id)
        wire.transport.choke()
        self.gate.touch()
        await run.over.wait()
        # The run does not wait for it, and no more is read than it takes.
        self.assertLess(len(wire.transport.unsent), 1_000_000)
        wire.transport.unchoke()
        self.assertEqual(events(wire.answer().body)[-1].kind, "end")
