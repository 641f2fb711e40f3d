"""OpenAI's chat completions over HTTP, each answered by a run of the stand-in."""

from __future__ import annotations

import base64
import os
from typing import Any

import msgspec

from tests.claudebox.case import MOST_RUNS, NOW, ClaudeboxCase
from tests.claudebox.openai.pictures import PNG
from tests.claudebox.openai.test_answers import captured, decoded, stream, texts
from tests.support.answers import Answer
from tests.support.edge import Wire
from twisted_aigate.claudebox.openai.chat import ChatOptions, chat_options
from twisted_aigate.claudebox.records import CANCELLED, COMPLETED
from twisted_aigate.claudebox.run import Run
from twisted_aigate.kernel.processes import TERMINATE_GRACE

_PATH = "/openai/v1/chat/completions"
_IMAGE = "data:image/png;base64," + base64.b64encode(PNG).decode()


def asked(prompt: Any, **more: Any) -> dict[str, Any]:
    return {"model": "sonnet", "messages": [{"role": "user", "content": prompt}], **more}


def conversation(*texts: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant") * len(texts)
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return {"model": "sonnet", "messages": messages, **more}


class ChatCase(ClaudeboxCase):
    def complete(self, request: Any, *lines: str) -> Wire:
        return self.send("POST", _PATH, request, *lines)

    async def completed(self, request: Any, *lines: str) -> Answer:
        return await self.answered("POST", _PATH, request, *lines)

    def error(self, answer: Answer, status: int) -> dict[str, Any]:  # type: ignore[override]
        """An error in OpenAI's shape."""
        error: dict[str, Any] = self.value(answer, status)["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        return error

    def events(self, answer: Answer) -> list[bytes]:
        """The events of a stream."""
        self.assertEqual((answer.status, answer.whole), (200, True))
        self.assertEqual(answer.field("content-type"), "text/event-stream")
        *found, rest = answer.body.split(b"\n\n")
        self.assertEqual(rest, b"")
        return [event + b"\n\n" for event in found]

    def only_run(self) -> Run:
        (run,) = self.runs
        return run

    def folders(self, workspace: str = "default") -> list[str]:
        """What a conversation has left in a workspace."""
        return os.listdir(self.instance.workspaces / workspace)

    def replay(self, name: str) -> str:
        """A prompt that has the stand-in print what was printed in a real run."""
        lines = [msgspec.json.encode(line).decode() for line in captured(name)]
        return "\n".join([*(f"print {line}" for line in lines), "no-result"])


class ModelsTests(ChatCase):
    def test_models(self) -> None:
        listed = self.value(self.ask("GET", "/openai/v1/models"))
        self.assertEqual(listed["object"], "list")
        self.assertEqual(
            [model["id"] for model in listed["data"]], ["haiku", "sonnet", "opus", "opusplan"]
        )
        for model in listed["data"]:
            self.assertEqual((model["object"], model["created"]), ("model", int(NOW)))


class CompletionTests(ChatCase):
    async def test_a_completion(self) -> None:
        answer = self.value(await self.completed(asked("say hi", model="claudebox/opus")))
        self.assertRegex(answer.pop("id"), r"\Achatcmpl-[0-9a-f]{32}\Z")
        choice = answer["choices"][0]
        self.assertEqual(
            (answer["object"], answer["created"], answer["model"]),
            ("chat.completion", int(NOW), "claudebox/opus"),
        )
        self.assertEqual((choice["message"]["content"], choice["finish_reason"]), ("hi", "stop"))
        self.assertEqual(answer["usage"]["total_tokens"], 155)
        (started,) = self.started()
        self.assertIn("--model=opus", started["argv"])
        self.assertEqual(started["prompt"], "say hi")
        self.assertEqual(self.folders(), [])

    async def test_what_becomes_of_the_fields(self) -> None:
        request = asked(
            "say hi", reasoning_effort="xhigh", temperature=2, max_tokens=1, stop=["x"], n=5,
            tools=[{"type": "function", "function": {"name": "f"}}], unheard_of={"a": 1},
        )  # fmt: skip
        request["messages"].insert(0, {"role": "system", "content": "-be brief"})
        await self.completed(request, "X-Claude-Append-System-Prompt: and kind")
        (started,) = self.started()
        (run_id,) = os.listdir(self.instance.runs)
        files = self.instance.runs / run_id
        self.assertIn("--effort=max", started["argv"])
        self.assertEqual((files / "system-prompt").read_text(), "-be brief")
        self.assertEqual((files / "append-system-prompt").read_text(), "and kind")

    async def test_the_workspace_and_its_session(self) -> None:
        for lines in ((), ("X-Claude-Continue: yes",), ("X-Claude-Continue: 0",)):
            await self.completed(asked("say hi"), "X-Claude-Workspace: a/b", *lines)
        starts = self.started()
        workspace = str(self.instance.workspaces / "a/b")
        self.assertEqual([start["cwd"] for start in starts], [workspace] * 3)
        sessions = [start["session_id"] for start in starts]
        self.assertEqual(sessions[0], sessions[1])
        self.assertNotEqual(sessions[0], sessions[2])

    async def test_a_conversation(self) -> None:
        request = conversation("first", "second", f"say ready\nhold {self.gate}")
        wire = self.complete(request)
        run = self.only_run()
        await run.started.wait()
        (folder,) = self.folders()
        document = (self.instance.workspaces / "default" / folder / "conversation.md").read_text()
        for text in ("first", "second", "say ready"):
            self.assertIn(text, document)
        await run.over.wait()
        self.assertEqual(wire.answer().status, 200)
        self.assertIn(f"{folder}/conversation.md", self.started()[0]["prompt"])
        self.assertEqual(self.folders(), [])

    async def test_an_image(self) -> None:
        content = [{"type": "text", "text": "look"},
                   {"type": "image_url", "image_url": {"url": _IMAGE}}]  # fmt: skip
        wire = self.complete(asked(content))
        run = self.only_run()
        (folder,) = self.folders()
        image = self.instance.workspaces / "default" / folder / "image-1.png"
        self.assertEqual(image.read_bytes(), PNG)
        await run.over.wait()
        self.assertEqual(wire.answer().status, 200)
        self.assertEqual(self.folders(), [])

    async def test_what_is_refused(self) -> None:
        for request, status, kind in (
            (b"{", 400, "invalid_request_error"),
            ({}, 400, "invalid_request_error"),
            ({"model": "sonnet"}, 400, "invalid_request_error"),
            (asked("x", model="--x"), 400, "invalid_request_error"),
            ({"model": "opus", "messages": []}, 400, "invalid_request_error"),
            (asked(""), 400, "invalid_request_error"),
            (asked([{"type": "image_url", "image_url": "ftp://x"}]), 400, "invalid_request_error"),
            (b'{"tools":' + b"[" * 100_000, 400, "invalid_request_error"),
        ):  # fmt: skip
            error = self.error(self.complete(request).answer(), status)
            self.assertEqual(error["type"], kind, request)
        for name in ("../x", "/x", "a\0b"):
            answer = self.complete(asked("x"), f"X-Claude-Workspace: {name}").answer()
            self.assertEqual(answer.status, 400, name)
        self.assertEqual(self.started(), [])

    async def test_no_answer(self) -> None:
        answer = await self.completed(asked("stderr oops\nexit 3"))
        error = self.error(answer, 502)
        self.assertEqual(error["type"], "api_error")
        self.assertIn("exit status 3", error["message"])

    async def test_a_busy_workspace_and_no_place(self) -> None:
        runs = [await self.holding(workspace=str(number)) for number in range(MOST_RUNS)]
        for stream_it in (False, True):
            request = conversation("a", "b", "c", stream=stream_it)
            self.error(self.complete(request, "X-Claude-Workspace: 0").answer(), 409)
            answer = self.complete(request).answer()
            self.assertEqual(self.error(answer, 429)["type"], "rate_limit_error")
            self.assertEqual(answer.field("retry-after"), "5")
            self.assertEqual((self.folders(), self.folders("0")), ([], []))
        self.gate.touch()
        for run in runs:
            await run.over.wait()

    async def test_the_client_leaves(self) -> None:
        wire = self.complete(asked(f"ignore-sigterm\nsay ready\nhold {self.gate}"))
        run = self.only_run()
        await self.said(run.record.id, "ready")
        wire.transport.lose()
        self.assertEqual(run.status, "ending")
        self.clock.advance(TERMINATE_GRACE)
        self.assertEqual((await run.over.wait()).status, CANCELLED)


class StreamTests(ChatCase):
    async def test_a_stream(self) -> None:
        wire = self.complete(asked("say hi\nsay ho", stream=True))
        run = self.only_run()
        self.assertEqual((await run.over.wait()).status, COMPLETED)
        events = self.events(wire.answer())
        self.assertEqual(texts(events), ["hi", "\n\nho"])
        chunks = decoded(events)
        self.assertEqual({chunk["model"] for chunk in chunks}, {"sonnet"})
        self.assertEqual(len({chunk["id"] for chunk in chunks}), 1)
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")
        self.assertIn("--include-partial-messages", self.started()[0]["argv"])

    async def test_what_real_runs_print(self) -> None:
        for name in ("tool", "command", "sub_agent", "sub_agent_whole"):
            usage = {"include_usage": True}
            wire = self.complete(asked(self.replay(name), stream=True, stream_options=usage))
            await self.only_run().over.wait()
            events = self.events(wire.answer())
            wanted = stream(captured(name), include_usage=True)
            self.assertEqual(texts(events), texts(wanted), name)
            self.assertEqual(decoded(events)[-1]["usage"], decoded(wanted)[-1]["usage"], name)

    async def test_it_comes_as_it_is_said(self) -> None:
        wire = self.complete(
            asked(f"say first\nsay ready\nhold {self.gate}\nsay last", stream=True)
        )
        run = self.only_run()
        await self.said(run.record.id, "ready")
        while b"ready" not in wire.transport.sent:
            await self.turn()
        (begun,) = wire.answers()
        self.assertEqual((begun.status, begun.whole), (200, False))
        self.gate.touch()
        await run.over.wait()
        self.assertEqual(texts(self.events(wire.answer())), ["first", "\n\nready", "\n\nlast"])

    async def test_a_failure_before_the_first_event(self) -> None:
        for prompt in ("exit 3", "garbage\nstderr oops\nexit 3"):
            wire = self.complete(asked(prompt, stream=True))
            await self.only_run().over.wait()
            self.assertEqual(self.error(wire.answer(), 502)["type"], "api_error")

    async def test_a_failure_after_it(self) -> None:
        wire = self.complete(asked("say hi\nexit 3", stream=True))
        await self.only_run().over.wait()
        *events, last = self.events(wire.answer())
        self.assertIn(b'"hi"', b"".join(events))
        error = msgspec.json.decode(last.removeprefix(b"data: "))["error"]
        self.assertEqual(error["type"], "api_error")
        self.assertIn("exit status 3", error["message"])

    async def test_cancelled_by_another(self) -> None:
        wire = self.complete(asked(f"say ready\nhold {self.gate}", stream=True))
        run = self.only_run()
        await self.said(run.record.id, "ready")
        while b"ready" not in wire.transport.sent:
            await self.turn()
        self.send("POST", "/run/cancel")
        await run.over.wait()
        self.assertIn(b"The run was cancelled.", self.events(wire.answer())[-1])

    async def test_the_client_leaves(self) -> None:
        # Before the first event, and after it.
        for before in ("", "say first\n"):
            prompt = f"{before}tool ready\nhold {self.gate}"
            wire = self.complete(asked(prompt, stream=True))
            run = self.only_run()
            await self.said(run.record.id, "ran ready")
            while before and b"first" not in wire.transport.sent:
                await self.turn()
            wire.transport.lose()
            outcome = await run.over.wait()
            self.assertEqual((outcome.status, outcome.detail), (CANCELLED, "The client left."))
            self.assert_nothing_is_left()

    async def test_its_folder_goes_with_it(self) -> None:
        wire = self.complete(conversation("a", "b", "c", stream=True))
        run = self.only_run()
        self.assertEqual(len(self.folders()), 1)
        await run.over.wait()
        self.assertEqual(self.folders(), [])
        self.events(wire.answer())
        wire = self.complete(conversation("a", "b", "c", stream=True))
        run = self.only_run()
        wire.transport.lose()
        self.assertEqual((await run.over.wait()).status, CANCELLED)
        self.assertEqual(self.folders(), [])

    async def test_a_client_that_reads_slowly(self) -> None:
        wire = self.complete(asked("big 2000000", stream=True))
        wire.transport.choke()
        await self.only_run().over.wait()
        self.assertLess(len(wire.transport.unsent), 1_000_000)
        wire.transport.unchoke()
        self.assertGreater(sum(map(len, texts(self.events(wire.answer())))), 2_000_000)


class OptionTests(ChatCase):
    def test_headers(self) -> None:
        self.assertEqual(chat_options({}), ChatOptions(None, False, None))
        self.assertEqual(
            chat_options(
                {"x-claude-workspace": "a", "x-claude-continue": "TRUE",
                 "x-claude-append-system-prompt": "b"}
            ),
            ChatOptions("a", True, "b"),
        )  # fmt: skip
        for value, wanted in (("1", True), ("yes", True), ("no", False), ("", False), ("2", False)):
            self.assertIs(chat_options({"x-claude-continue": value}).resume, wanted, value)
        self.assertEqual(
            chat_options({"x-claude-workspace": "", "x-claude-append-system-prompt": ""}),
            ChatOptions(None, False, None),
        )
