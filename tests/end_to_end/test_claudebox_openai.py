"""The openai client on Claude Code: directly, and through the gateway's models."""

from __future__ import annotations

import base64
import json
import struct
import threading
import zlib
from typing import Any

import openai

from tests.end_to_end.anthropic_messages import prompts, tool_results
from tests.end_to_end.anthropic_server import USAGE
from tests.end_to_end.anthropic_steps import Hold, Refuse, Say, UseTool
from tests.end_to_end.claudebox_server import TOKEN, ClaudeboxTestCase
from tests.end_to_end.server import MASTER_KEY
from tests.support.waiting import eventually

_DOCUMENT = "Read the whole conversation"
"""How every prompt begins that has Claude Code read a document."""

_PROMPT_TOKENS = sum(USAGE.values()) - USAGE["output_tokens"]


def _png(colour: bytes) -> bytes:
    """An image of 8 by 8 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + colour * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


class OpenAITestCase(ClaudeboxTestCase):
    """
    Calls of the openai client.

    @cvar base: Where the client calls, below the server's URL.
    @cvar key: What it presents.
    @cvar model: A model.
    """

    base = "/claudebox/openai/v1"
    key = TOKEN
    model = "haiku"

    def setUp(self) -> None:
        super().setUp()
        self.client = openai.OpenAI(
            base_url=self.server.url + self.base, api_key=self.key, max_retries=0, timeout=60
        )
        self.addCleanup(self.client.close)
        self.here = {"X-Claude-Workspace": self.name}

    def chat(self, messages: Any, **options: Any) -> Any:
        """A call whose run works in this test's workspace."""
        options = {"model": self.model, "extra_headers": self.here, **options}
        return self.client.chat.completions.create(messages=messages, **options)


class CompletionTests(OpenAITestCase):
    """Calls that do not stream."""

    def test_answer(self) -> None:
        """One text of the user is the prompt, and the usage is told."""
        self.anthropic.script(self.name, Say("Good morning."))
        messages = [{"role": "system", "content": "Be brief."}, *_user(self.name)]
        answer = self.chat(messages, reasoning_effort="low", model="anthropic/opus")
        self.assertEqual(answer.object, "chat.completion")
        self.assertTrue(answer.id.startswith("chatcmpl-"))
        self.assertEqual(answer.model, "anthropic/opus")
        (choice,) = answer.choices
        said = choice.message.role, choice.message.content, choice.finish_reason
        self.assertEqual(said, ("assistant", "Good morning.", "stop"))
        usage = answer.usage
        self.assertEqual(usage.prompt_tokens, _PROMPT_TOKENS)
        self.assertEqual(usage.completion_tokens, USAGE["output_tokens"])
        self.assertEqual(usage.total_tokens, _PROMPT_TOKENS + USAGE["output_tokens"])
        (request,) = self.anthropic.received(self.name)
        self.assertEqual(prompts(request.body), [self.name])
        self.assertIn("Be brief.", json.dumps(request.body["system"]))
        self.assertIn("opus", request.body["model"])
        self.assertEqual(request.body["output_config"]["effort"], "low")

    def test_headers(self) -> None:
        """A call begins anew unless it asks to continue; text is appended for this call alone."""
        one, two, three = (f"{self.name} {number}" for number in ("one", "two", "three"))
        for marker, headers in (
            (one, {"X-Claude-Append-System-Prompt": "Rhyme, please."}),
            (two, {"X-Claude-Continue": "yes"}),
            (three, {}),
        ):
            self.anthropic.script(marker, Say("Done."))
            self.chat(_user(marker), extra_headers={**self.here, **headers})
        bodies = [self.anthropic.received(marker)[0].body for marker in (one, two, three)]
        self.assertEqual([prompts(body) for body in bodies], [[one], [one, two], [three]])
        rhymes = ["Rhyme, please." in json.dumps(body["system"]) for body in bodies]
        self.assertEqual(rhymes, [True, False, False])
        self.assertTrue(self.folder.is_dir())

    def test_conversation_with_image(self) -> None:
        """Several messages and an image are files that Claude Code reads, and then gone."""
        image = _png(b"\xff\0\0")
        url = "data:image/png;base64," + base64.b64encode(image).decode()
        messages = [
            {"role": "system", "content": "Be brief."},
            *_user("My number is 7."),
            {"role": "assistant", "content": "I see."},
            *_user(
                [
                    {"type": "text", "text": "Which colour is this?"},
                    {"type": "image_url", "image_url": {"url": url}},
                ]
            ),
        ]
        look = {"command": "cat .aigate-*/*.md; cp .aigate-*/*.png seen.png", "description": "x"}
        read = {"file_path": str(self.folder / "seen.png")}
        steps = UseTool("Bash", look), UseTool("Read", read), Say("Red, 7.")
        self.anthropic.script(_DOCUMENT, *steps)
        answer = self.chat(messages)
        self.assertEqual(answer.choices[0].message.content, "Red, 7.")
        first, second, third = self.anthropic.received(_DOCUMENT)[-3:]
        self.assertIn("Be brief.", json.dumps(first.body["system"]))
        (document,) = tool_results(second.body)
        said = ("My number is 7.", "I see.", "Which colour is this?", "[Image: image-1.png]")
        places = [document.index(text) for text in said]
        self.assertEqual(places, sorted(places))
        (result,) = third.body["messages"][-1]["content"][-1]["content"]
        self.assertEqual(result["type"], "image")
        self.assertEqual((self.folder / "seen.png").read_bytes(), image)
        eventually(lambda: not list(self.folder.glob(".aigate-*")), "the files stay")

    def test_errors(self) -> None:
        """What is wrong with a call is OpenAI's error object."""
        with self.assertRaises(openai.AuthenticationError):
            self.client.with_options(api_key="wrong").models.list()
        for wrong in (
            [],
            [{"role": "system", "content": "Be brief."}],
            _user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]),
            _user([{"type": "image_url", "image_url": {"url": f"{self.server.url}/x.png"}}]),
        ):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.chat(wrong)
            self.assertEqual(caught.exception.body["type"], "invalid_request_error")
        with self.assertRaises(openai.BadRequestError):
            self.chat(_user("hello"), extra_headers={"X-Claude-Workspace": "../out"})
        self.assertEqual(list(self.folder.glob(".aigate-*")), [])

    def test_failure(self) -> None:
        """A run that fails is an error of the server's, and tells no secret."""
        self.anthropic.script(self.name, Refuse(529))
        with self.assertRaises(openai.InternalServerError) as caught:
            self.chat(_user(self.name))
        self.assertEqual(caught.exception.status_code, 502)
        self.assertEqual(caught.exception.body["type"], "api_error")
        self.assertNotIn("sk-ant", str(caught.exception.body))

    def test_busy(self) -> None:
        """A workspace that runs is a conflict."""
        pending = self.hold(Hold(threading.Event()))
        with self.assertRaises(openai.ConflictError) as caught:
            self.chat(_user("hello"))
        self.assertIn("already has", str(caught.exception))
        pending.leave()
        self.wait_until_idle()


class StreamTests(OpenAITestCase):
    """Calls that stream."""

    def test_chunks(self) -> None:
        """Pieces come while they are said; one model; the usage last of all when it is wanted."""
        go = threading.Event()
        self.anthropic.script(self.name, Hold(go, Say("Then more."), say="At first. "))
        stream = self.chat(_user(self.name), stream=True, stream_options={"include_usage": True})
        chunks = []
        for chunk in stream:
            chunks.append(chunk)
            if chunk.choices and chunk.choices[0].delta.content == "At first. ":
                go.set()
        self.assertTrue(go.is_set())
        *spoken, last = chunks
        said = "".join(chunk.choices[0].delta.content or "" for chunk in spoken)
        self.assertEqual(said, "At first. Then more.")
        self.assertEqual(spoken[0].choices[0].delta.role, "assistant")
        reasons = [chunk.choices[0].finish_reason for chunk in spoken]
        self.assertEqual(reasons, [None] * (len(spoken) - 1) + ["stop"])
        self.assertEqual({(chunk.id, chunk.model) for chunk in chunks}, {(last.id, self.model)})
        self.assertEqual(last.choices, [])
        self.assertEqual(last.usage.prompt_tokens, _PROMPT_TOKENS)
        self.assertEqual([chunk.usage for chunk in spoken], [None] * len(spoken))

    def test_tools_between(self) -> None:
        """Texts that a tool parts are parted; without C{include_usage} there is no usage."""
        command = {"command": "true", "description": "x"}
        self.anthropic.script(self.name, UseTool("Bash", command, say="I look."), Say("I saw."))
        chunks = list(self.chat(_user(self.name), stream=True))
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        self.assertEqual(said, "I look.\n\nI saw.")
        self.assertEqual({chunk.usage for chunk in chunks}, {None})

    def test_refused(self) -> None:
        """A failure before anything is said is an answer of its own."""
        self.anthropic.script(self.name, Refuse(401))
        with self.assertRaises(openai.InternalServerError) as caught:
            self.chat(_user(self.name), stream=True)
        self.assertEqual(caught.exception.status_code, 502)

    def test_left(self) -> None:
        """A client that leaves in mid-stream ends its run."""
        self.anthropic.script(self.name, Hold(threading.Event(), say="At first. "))
        stream = self.chat(_user(self.name), stream=True)
        next(iter(stream))
        stream.close()
        self.assertTrue(self.anthropic.gone.wait(20))
        self.wait_until_idle()

    def test_cancelled(self) -> None:
        """A run that is cancelled in mid-stream ends its stream with an error."""
        self.anthropic.script(self.name, Hold(threading.Event(), say="At first. "))
        stream = iter(self.chat(_user(self.name), stream=True))
        self.assertEqual(next(stream).choices[0].delta.role, "assistant")
        self.server.cancel(workspace=self.name)
        with self.assertRaises(openai.APIError) as caught:
            list(stream)
        self.assertIn("cancelled", str(caught.exception))


class GatewayTests(OpenAITestCase):
    """The same through the gateway, where header fields come in the body."""

    base = ""
    key = MASTER_KEY
    model = "claudebox-sonnet"

    def ask(self, content: Any, headers: dict[str, str], **options: Any) -> Any:
        """A call with C{extra_headers} in its body."""
        headers = {**self.here, **headers}
        body = {"extra_headers": headers, "temperature": 0.3}
        return self.chat(_user(content), extra_headers=None, extra_body=body, **options)

    def test_answer(self) -> None:
        """The header fields in the body are heard."""
        appended = {"X-Claude-Append-System-Prompt": "Rhyme, please."}
        self.anthropic.script(self.name, Say("One."))
        answer = self.ask(self.name, appended)
        self.assertEqual(answer.choices[0].message.content, "One.")
        self.assertEqual(answer.usage.completion_tokens, USAGE["output_tokens"])
        self.anthropic.script(f"{self.name} 2", Say("Two."))
        self.ask(f"{self.name} 2", {"X-Claude-Continue": "true"})
        (first,) = self.anthropic.received(self.name)
        (second,) = self.anthropic.received(f"{self.name} 2")
        self.assertIn("sonnet", first.body["model"])
        self.assertIn("Rhyme, please.", json.dumps(first.body["system"]))
        self.assertEqual(prompts(second.body), [self.name, f"{self.name} 2"])
        self.assertTrue(self.folder.is_dir())

    def test_header_fields_of_the_request(self) -> None:
        """Those of the request itself are heard as those in its body are."""
        self.anthropic.script(self.name, Say("One."))
        self.client.chat.completions.create(
            model=self.model,
            messages=_user(self.name),
            extra_headers={**self.here, "X-Claude-Append-System-Prompt": "Rhyme, please."},
        )
        (received,) = self.anthropic.received(self.name)
        self.assertIn("Rhyme, please.", json.dumps(received.body["system"]))
        self.assertTrue(self.folder.is_dir())

    def test_response(self) -> None:
        """The Responses API over it, streamed or not; what it goes on from is told as a whole."""
        self.anthropic.script(self.name, Say("One."))
        made = self.client.responses.create(
            model=self.model, input=self.name, extra_headers=self.here
        )
        self.assertEqual(made.output_text, "One.")
        self.assertEqual(made.usage.output_tokens, USAGE["output_tokens"])
        self.assertTrue(self.folder.is_dir())
        look = {"command": "cat .aigate-*/*.md", "description": "x"}
        self.anthropic.script(_DOCUMENT, UseTool("Bash", look), Say("Two."))
        *_, last = self.client.responses.create(
            model=self.model,
            input="And?",
            previous_response_id=made.id,
            stream=True,
            extra_headers=self.here,
        )
        self.assertEqual(last.response.output_text, "Two.")
        (document,) = tool_results(self.anthropic.received(_DOCUMENT)[-1].body)
        places = [document.index(text) for text in (self.name, "One.", "And?")]
        self.assertEqual(places, sorted(places))

    def test_stream(self) -> None:
        """A stream has one model's name in all of its chunks."""
        self.anthropic.script(self.name, Say("One two three.", chunks=3))
        usage = {"include_usage": True}
        chunks = list(self.ask(self.name, {}, stream=True, stream_options=usage))
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(said, "One two three.")
        self.assertEqual(len({chunk.model for chunk in chunks}), 1)
        self.assertEqual(chunks[-1].usage.completion_tokens, USAGE["output_tokens"])

    def test_left(self) -> None:
        """A client that leaves ends its run, streamed or not."""
        self.anthropic.script(self.name, Hold(threading.Event(), say="At first. "))
        stream = self.ask(self.name, {}, stream=True)
        next(iter(stream))
        stream.close()
        self.assertTrue(self.anthropic.gone.wait(20))
        self.anthropic.gone.clear()
        self.wait_until_idle()
        hold = Hold(threading.Event())
        self.anthropic.script(self.name, hold)
        asked = {"model": self.model, "messages": _user(self.name)}
        pending = self.server.send("POST", "/chat/completions", asked, tree="", token=self.key)
        self.assertTrue(hold.reached.wait(20))
        pending.leave()
        self.assertTrue(self.anthropic.gone.wait(20))
        self.wait_until_idle()

    def test_busy(self) -> None:
        """A workspace that runs is a conflict, which is not tried again."""
        pending = self.hold(Hold(threading.Event()))
        with self.assertRaises(openai.ConflictError):
            self.ask("hello", {})
        pending.leave()
        self.wait_until_idle()
