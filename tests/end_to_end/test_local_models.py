"""The embedded models behind a real server, through the openai client."""

from __future__ import annotations

import base64
import io
import os
import signal
import struct
import threading
import time
from pathlib import Path

import openai
from openai.types.chat import ChatCompletionUserMessageParam
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.waiting import eventually
from twisted_aigate.gateway.local.table import LOCAL_MODELS

_CHAT = "local-smollm2-135m"
_LONG: list[ChatCompletionUserMessageParam] = [
    {"role": "user", "content": "Count from one to one thousand in words, one number a line."}
]


def _ask(question: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": question}]


class LocalModelCase(SynchronousTestCase):
    """A server with embedded models."""

    server: Server
    variables: dict[str, str] = {}

    @classmethod
    def setUpClass(cls) -> None:
        missing = [name for entry in LOCAL_MODELS for name in entry.missing()]
        if missing:
            raise SkipTest(f"not installed: {missing}; run: make local-models")
        cls.server = Server(LOCAL_MODELS="1", **cls.variables).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        workers = cls.server.children()
        cls.server.stop()
        left = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
        assert not left, f"workers are left: {left}"

    def client(self) -> openai.OpenAI:
        """A client of the server."""
        client = openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=120
        )
        self.addCleanup(client.close)
        return client


class AnswersTests(LocalModelCase):
    """They really answer."""

    def test_chat(self) -> None:
        """A sentence that answers the question."""
        answer = self.client().chat.completions.create(
            model=_CHAT, messages=_ask("What is the capital of France?"), temperature=0
        )
        self.assertIn("Paris", answer.choices[0].message.content or "")
        assert answer.usage is not None
        self.assertEqual(
            answer.usage.total_tokens,
            answer.usage.prompt_tokens + answer.usage.completion_tokens,
        )

    def test_default_alias_streams(self) -> None:
        """C{default} is the chat model, and streams it as it is generated."""
        pieces = []
        with self.client().chat.completions.create(
            model="default",
            messages=_LONG,
            stream=True,
            max_tokens=60,
            temperature=0,
            stream_options={"include_usage": True},
        ) as stream:
            for chunk in stream:
                pieces.append(chunk)
        self.assertGreater(len(pieces), 20)
        assert pieces[-1].usage is not None
        self.assertEqual(pieces[-1].usage.completion_tokens, 60)
        self.assertEqual(pieces[-2].choices[0].finish_reason, "length")

    def test_completion(self) -> None:
        """Legacy completions go on with the text."""
        answer = self.client().completions.create(
            model=_CHAT, prompt="One, two, three, four,", max_tokens=5, temperature=0
        )
        self.assertIn("five", answer.choices[0].text)

    def test_embeddings(self) -> None:
        """Like is nearer to like, in both encodings."""
        texts = ["a cat on the sofa", "a kitten on the couch", "the income tax return is due"]
        for encoding in ("float", "base64"):
            answer = self.client().embeddings.create(
                model="local-e5-small",
                input=texts,
                encoding_format=encoding,  # type: ignore[arg-type]
            )
            cat, kitten, tax = (
                item.embedding if isinstance(item.embedding, list) else _floats(item.embedding)
                for item in answer.data
            )
            self.assertEqual(len(cat), 384)
            self.assertGreater(_dot(cat, kitten), _dot(cat, tax) + 0.02)

    def test_speech_to_text_and_back(self) -> None:
        """What our speech says, our transcription hears."""
        client = self.client()
        for response_format in ("mp3", "wav", "opus"):
            spoken = client.audio.speech.create(
                model="local-hibari-tts",
                voice="alloy",
                input="The weather is nice today, and the train leaves at seven.",
                response_format=response_format,  # type: ignore[arg-type]
            ).content
            sound = io.BytesIO(spoken)
            sound.name = f"speech.{response_format}"
            heard = client.audio.transcriptions.create(model="local-whisper-tiny", file=sound).text
            for word in ("weather", "nice", "today", "train"):
                self.assertIn(word, heard.lower(), response_format)

    def test_wrong_use(self) -> None:
        """A model that is not for the call, and a sound that is none: 400."""
        client = self.client()
        with self.assertRaises(openai.BadRequestError) as caught:
            client.embeddings.create(model=_CHAT, input="x")
        self.assertEqual(caught.exception.param, "model")
        noise = io.BytesIO(b"this is no sound")
        noise.name = "a.wav"
        with self.assertRaises(openai.BadRequestError):
            client.audio.transcriptions.create(model="local-whisper-tiny", file=noise)
        with self.assertRaises(openai.BadRequestError):
            client.embeddings.create(model="local-e5-small", input=[1, 2, 3])
        noise.seek(0)
        with self.assertRaises(openai.BadRequestError) as caught:
            client.audio.translations.create(model="local-whisper-tiny", file=noise)
        self.assertEqual(caught.exception.code, "unsupported_task")


class FaultTests(LocalModelCase):
    """Workers that die, clients that leave, queues that are full."""

    variables = {"LOCAL_MODELS_QUEUE": "1", "LOCAL_MODELS_IDLE": "2s", "LOG_LEVEL": "debug"}

    def worker(self) -> int:
        """The pid of the only worker."""
        eventually(lambda: len(self.server.children()) == 1, lambda: f"{self.server.children()}")
        return self.server.children()[0]

    def stream(self) -> openai.Stream[openai.types.chat.ChatCompletionChunk]:
        """A long answer, begun."""
        stream = self.client().chat.completions.create(
            model=_CHAT, messages=_LONG, stream=True, max_tokens=2000, temperature=0
        )
        next(iter(stream))
        return stream

    def test_worker_dies(self) -> None:
        """Its death is an error for the call in hand, and the next call is answered."""
        stream = self.stream()
        os.kill(self.worker(), signal.SIGKILL)
        with self.assertRaises(openai.APIError) as caught:
            for _ in stream:
                pass
        self.assertIn("ended in mid-call", str(caught.exception))
        answer = self.client().chat.completions.create(
            model=_CHAT, messages=_ask("What is the capital of France?"), temperature=0
        )
        self.assertIn("Paris", answer.choices[0].message.content or "")

    def test_client_leaves(self) -> None:
        """A client that leaves stops the generation, and its slot is free again."""
        streams = [self.stream(), self.stream()]
        for stream in streams:
            stream.close()
        self.server.wait_for_log(rf"(?s)({_CHAT}: job \d+ ended with 499.*){{2}}")
        self.client().chat.completions.create(model=_CHAT, messages=_ask("Hi"), max_tokens=1)

    def test_queue_is_full(self) -> None:
        """Two are served, one waits, the next is told to come back."""
        streams = [self.stream(), self.stream()]
        waiter = threading.Thread(
            target=self.client().chat.completions.create,
            kwargs={"model": _CHAT, "messages": _ask("Hi"), "max_tokens": 1},
        )
        waiter.start()
        self.addCleanup(waiter.join)
        caught = None
        deadline = time.monotonic() + 10
        while caught is None and time.monotonic() < deadline:
            # Until the waiter's request has arrived, this one waits in its place.
            impatient = self.client().with_options(timeout=0.3)
            try:
                impatient.chat.completions.create(model=_CHAT, messages=_ask("Hi"))
            except openai.RateLimitError as error:
                caught = error
            except openai.APITimeoutError:
                pass
        for stream in streams:
            stream.close()
        assert caught is not None
        self.assertEqual(caught.code, "queue_full")
        self.assertGreater(int(caught.response.headers["Retry-After"]), 0)

    def test_idle_worker_ends(self) -> None:
        """A worker that nobody needs is ended."""
        self.client().chat.completions.create(model=_CHAT, messages=_ask("Hi"), max_tokens=1)
        pid = self.worker()
        eventually(lambda: not Path(f"/proc/{pid}").exists(), "it lives on")
        self.assertNotIn("ended by itself", self.server.log.rpartition(str(pid))[2])


def _floats(encoded: str) -> list[float]:
    data = base64.b64decode(encoded)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
