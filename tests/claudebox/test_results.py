"""The results of runs: whole, with their turns, and why there is none."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec

from tests.claudebox.case import ACCOUNT, ClaudeboxCase
from tests.support.streams import RecordingConsumer
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    STOPPED,
    TIMED_OUT,
    Outcome,
    RunRecord,
)
from twisted_aigate.claudebox.results import public_status
from twisted_aigate.claudebox.run import Run

_RECORD = RunRecord("run", "ws", "session", True, False, 0.0, None)


class CountingConsumer(RecordingConsumer):
    """Keeps no more than how much came."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)


class ResultsCase(ClaudeboxCase):
    async def result(self, prompt: str, **fields: Any) -> tuple[Run, dict[str, Any]]:
        """A run that is completed, and its result."""
        run, outcome = await self.done(prompt, **fields)
        self.assertEqual(outcome.status, COMPLETED, outcome.detail)
        return run, await self.body(run.record)

    async def body(self, record: RunRecord, status: str | None = None) -> dict[str, Any]:
        body: Any = await self.claudebox.results.body(record, status)
        if not isinstance(body, bytes):
            consumer = RecordingConsumer()
            await body.startProducing(consumer)
            body = consumer.data
        value: dict[str, Any] = json.loads(body)
        return value

    def write(self, *lines: bytes) -> None:
        """Have the run of L{_RECORD} print lines."""
        with self.instance.transcript(_RECORD.id).open("ab") as file:
            file.writelines(line + b"\n" for line in lines)


class ResultTests(ResultsCase):
    async def test_a_result(self) -> None:
        run, result = await self.result("say one\nsay two", workspace="a/b")
        for name in ("uuid",):
            result.pop(name)
        self.assertEqual(
            result,
            {
                "type": "result",
                "subtype": "success",
                "isError": False,
                "apiErrorStatus": None,
                "durationMs": 12,
                "durationApiMs": 8,
                "numTurns": 1,
                "result": "two",
                "stopReason": "end_turn",
                "sessionId": run.record.session_id,
                "totalCostUsd": 0.0125,
                "usage": {
                    "inputTokens": 100,
                    "cacheCreationInputTokens": 30,
                    "cacheReadInputTokens": 5,
                    "outputTokens": 20,
                },
                "modelUsage": {
                    "stand-in": {"inputTokens": 100, "outputTokens": 20, "costUSD": 0.0125}
                },
                "permissionDenials": [],
                "terminalReason": "completed",
                "runId": run.record.id,
                "workspace": "a/b",
            },
        )
        self.assertEqual((await self.body(run.record, "completed"))["status"], "completed")

    async def test_a_structured_one(self) -> None:
        value = {"snake_case": [{"deep_er": "ü"}], "camelCase": 1}
        _, result = await self.result(f"structured {json.dumps(value)}", json_schema={})
        self.assertEqual(result["structuredOutput"], value)

    async def test_with_its_turns(self) -> None:
        _, result = await self.result(
            "say first\ntool ls -la\ngarbage\nsay last", output_format="json-verbose"
        )
        turns = result["turns"]
        self.assertEqual(
            [turn["role"] for turn in turns],
            ["assistant", "assistant", "tool_result", "assistant"],
        )
        use = turns[1]["content"][0]
        self.assertEqual((use["name"], use["input"]), ("Bash", {"command": "ls -la"}))
        self.assertEqual(
            turns[2]["content"],
            [{"type": "toolResult", "toolUseId": use["id"], "isError": False,
              "content": "ran ls -la"}],
        )  # fmt: skip
        self.assertEqual(turns[3]["content"], [{"type": "text", "text": "last"}])
        self.assertEqual(result["result"], "last")

    async def test_without_any_turn(self) -> None:
        _, result = await self.result("nothing", output_format="json-verbose")
        self.assertEqual(result["turns"], [])

    async def test_a_long_one_is_never_held(self) -> None:
        text = b"x" * 4000
        line = b'{"type":"assistant","message":{"content":[{"type":"text","text":"%b"}]}}' % text
        self.write(*[line] * 12_500, b'{"type":"result","is_error":false}')
        body: Any = await self.claudebox.results.body(_RECORD)
        consumer = CountingConsumer()
        tracemalloc.start()
        try:
            await body.startProducing(consumer)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertGreater(consumer.size, 50_000_000)
        self.assertLess(peak, 5_000_000)

    async def test_who_reads_slowly_is_waited_for(self) -> None:
        line = b'{"type":"assistant","message":{"content":"%b"}}' % (b"x" * 100_000)
        self.write(*[line] * 20, b'{"type":"result"}')
        body: Any = await self.claudebox.results.body(_RECORD)
        consumer = RecordingConsumer(pause_after=1)
        consumer.registerProducer(body, True)
        producing = body.startProducing(consumer)
        pauses = 0
        while not producing.called:
            pauses += 1
            self.assertLess(len(consumer.data), pauses * 600_000)
            body.resumeProducing()
        self.assertGreater(pauses, 5)
        self.assertEqual(len(json.loads(consumer.data)["turns"]), 20)

    async def test_who_leaves_is_read_for_no_more(self) -> None:
        line = b'{"type":"assistant","message":{"content":"%b"}}' % (b"x" * 100_000)
        self.write(*[line] * 20, b'{"type":"result"}')
        body: Any = await self.claudebox.results.body(_RECORD)
        consumer = RecordingConsumer(pause_after=1)
        consumer.registerProducer(body, True)
        body.startProducing(consumer)
        body.stopProducing()
        size = len(consumer.data)
        body.resumeProducing()
        self.assertEqual(len(consumer.data), size)

    async def test_no_such_run(self) -> None:
        error = await self.error(self.claudebox.results.find("unknown"), ClaudeboxError)
        self.assertEqual(error.status, 404)


class FailureTests(ResultsCase):
    async def failure(self, prompt: str, **fields: Any) -> ClaudeboxError:
        run, outcome = await self.done(prompt, **fields)
        self.assertEqual(outcome.status, FAILED)
        return await self.claudebox.results.failure(run.record, outcome)

    async def test_what_is_told(self) -> None:
        error = await self.failure("stderr oh no\nexit 3", workspace="ws")
        self.assertEqual((error.status, error.retry_after), (502, None))
        self.assertIn("exit status 3", error.detail)
        extra = dict(error.extra)
        self.assertRegex(str(extra.pop("runId")), "^[0-9a-f]{32}$")
        self.assertEqual(
            extra, {"status": "failed", "workspace": "ws", "exitCode": 3, "stderr": "oh no\n"}
        )

    async def test_its_result_is_told_too(self) -> None:
        error = await self.failure("say x", resume="unknown")
        result: Any = error.extra["result"]
        self.assertEqual((result["isError"], result["numTurns"]), (True, 0))
        self.assertIn("No conversation found", error.detail)

    async def test_no_secret_is_told(self) -> None:
        lines = f"stderr my key is {ACCOUNT}, {ACCOUNT}!\n"
        said = {"type": "result", "is_error": True, "result": f"bad key {ACCOUNT}"}
        for prompt in (
            f"{lines}exit 1",
            f"{lines}print {json.dumps(said, separators=(',', ':'))}\nexit 1",
        ):
            error = await self.failure(prompt)
            told = msgspec.json.encode({"detail": error.detail, **error.extra}).decode()
            self.assertIn("my key is ****, ****!", told)
            self.assertNotIn(ACCOUNT, told)
            self.assertNotIn(ACCOUNT[4:], told)

    async def test_no_part_of_a_secret_is_told(self) -> None:
        run, outcome = await self.done("exit 1")
        path = self.instance.runs / run.record.id / "stderr"
        # Wherever the end of standard error begins.
        for after in range(4096 - len(ACCOUNT), 4097):
            path.write_text("x" * 1000 + ACCOUNT + "y" * after)
            told = await self.claudebox.results.explain(run.record, outcome)
            self.assertEqual(told["stderr"].strip("xy*"), "", after)

    async def test_the_end_of_standard_error(self) -> None:
        error = await self.failure("stderr " + "begin" + "ü" * 100_000 + "end\nexit 1")
        stderr = str(error.extra["stderr"])
        self.assertTrue(stderr.endswith("üüüend\n"))
        self.assertLessEqual(len(stderr), 4096)
        self.assertNotIn("begin", stderr)

    async def test_without_standard_error(self) -> None:
        told = await self.claudebox.results.explain(_RECORD, Outcome(FAILED, "x"))
        self.assertEqual(told, {"runId": "run", "workspace": "ws", "exitCode": None, "stderr": ""})

    async def test_each_way_to_end(self) -> None:
        for status, code, public in (
            (FAILED, 502, "failed"),
            (TIMED_OUT, 504, "failed"),
            (CANCELLED, 410, "cancelled"),
            (STOPPED, 503, "failed"),
        ):
            error = await self.claudebox.results.failure(_RECORD, Outcome(status, "why"))
            self.assertEqual((error.status, error.detail), (code, "why"))
            self.assertEqual(error.extra["status"], public)
            self.assertEqual(public_status(status), public)
            self.assertEqual(error.retry_after, 5 if status == STOPPED else None)
        self.assertEqual(public_status(COMPLETED), "completed")
