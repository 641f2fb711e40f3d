"""Claude Code as chat models of the gateway."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred

from tests.claudebox.case import MOST_RUNS, ClaudeboxCase
from tests.claudebox.openai.test_answers import texts
from tests.support.streams import RecordingConsumer
from twisted_aigate.claudebox.records import CANCELLED
from twisted_aigate.interfaces import IChatModels, ModelError


class ChatModelsTests(ClaudeboxCase):
    async def chat(self, prompt: str, /, **more: Any) -> Any:
        headers = more.pop("headers", {})
        body = {"model": "haiku", "messages": [{"role": "user", "content": prompt}], **more}
        answer = await self.tree.models.chat(msgspec.json.encode(body), headers)
        return answer.body

    def test_it_is_what_the_gateway_wants(self) -> None:
        self.assertTrue(IChatModels.providedBy(self.tree.models))

    async def test_an_answer(self) -> None:
        answer = msgspec.json.decode(
            await self.chat("say hi", headers={"x-claude-workspace": "ws"})
        )
        self.assertEqual(answer["choices"][0]["message"]["content"], "hi")
        (started,) = self.started()
        self.assertEqual(started["cwd"], str(self.instance.workspaces / "ws"))
        self.assertIn("--model=haiku", started["argv"])

    async def test_a_stream(self) -> None:
        body = await self.chat("say hi", stream=True)
        consumer = RecordingConsumer()
        await body.startProducing(consumer)
        self.assertEqual(texts(consumer.parts), ["hi"])

    async def test_a_stream_that_is_stopped(self) -> None:
        for begun in (True, False):
            body = await self.chat(f"say ready\nhold {self.gate}", stream=True)
            (run,) = self.runs
            if begun:
                body.startProducing(RecordingConsumer())
            body.stopProducing()
            outcome = await run.over.wait()
            self.assertEqual((outcome.status, outcome.detail), (CANCELLED, "The client left."))

    async def test_cancelled(self) -> None:
        chatting = Deferred.fromCoroutine(self.chat(f"say ready\nhold {self.gate}"))
        (run,) = self.runs
        await self.said(run.record.id, "ready")
        chatting.cancel()
        await self.error(chatting, CancelledError)
        self.assertEqual((await run.over.wait()).status, CANCELLED)

    async def test_errors(self) -> None:
        error = await self.error(self.chat("exit 3"), ModelError)
        self.assertEqual((error.status, error.retry_after), (502, None))
        self.assertIn("exit status 3", error.message)
        for headers in ({"x-claude-workspace": "../x"}, {"x-claude-workspace": "/"}):
            error = await self.error(self.chat("say x", headers=headers), ModelError)
            self.assertEqual(error.status, 400)
        runs = [await self.holding(workspace=str(number)) for number in range(MOST_RUNS)]
        error = await self.error(self.chat("say x"), ModelError)
        self.assertEqual((error.status, error.retry_after), (429, 5))
        self.gate.touch()
        for run in runs:
            await run.over.wait()

    async def test_requests_that_cannot_be_taken(self) -> None:
        message = b'{"model":"haiku","messages":[{"role":"user","content":"%b"}]%b}'
        for body in (
            b"", b"[]", b"{}", b'{"model":"haiku"}',
            b'{"model":"haiku","messages":[{"role":"robot"}]}',
            message % (b"\xff", b""),
            message % (b"x", b',"reasoning_effort":"huge"'),
            message % (b"x", b',"tools":' + b"[" * 100_000),
        ):  # fmt: skip
            error = await self.error(self.tree.models.chat(body, {}), ModelError)
            self.assertEqual(error.status, 400, body[:50])
        self.assertEqual(self.started(), [])
