"""How much work a call is, where nobody says."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.fakes import make_call
from twisted_aigate.gateway.accounting.estimate import (
    amounts_of,
    most_of,
    most_output,
    tokens_of,
)
from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.calls import Call, FormCall, Task, Upload
from twisted_aigate.gateway.deployments import Deployment

_DEPLOYMENT = Deployment("m", "openai", "x")
_HELLO = [{"role": "user", "content": "x" * 1000}]


def _form(task: Task, size: int, *fields: tuple[str, str]) -> FormCall:
    upload = Upload("file", cast(Any, None), "a.wav", "audio/wav", size)
    return FormCall(task, "m", fields, (upload,))


class MostTests(SynchronousTestCase):
    """The most that a call can become."""

    def completion(self, deployment: Deployment = _DEPLOYMENT, **fields: Any) -> tuple[float, bool]:
        """The tokens that may be written, and whether the caller said so."""
        most = most_of(make_call(messages=_HELLO, **fields), most_output(deployment))
        return most.amounts.completion, most.said

    def test_what_the_caller_says(self) -> None:
        for name in ("max_tokens", "max_completion_tokens"):
            self.assertEqual(self.completion(**{name: 7}), (7, True))
        most = most_of(make_call(Task.RESPONSES, max_output_tokens=7), 100)
        self.assertEqual((most.amounts.completion, most.said), (7, True))
        self.assertEqual(self.completion(max_tokens=7, n=3), (21, True))
        self.assertEqual(self.completion(max_tokens=7, n=-3), (7, True))

    def test_what_is_said_where_nobody_reads_it(self) -> None:
        self.assertEqual(self.completion(max_output_tokens=7), (4096, False))
        most = most_of(make_call(Task.RESPONSES, max_tokens=7), 100)
        self.assertEqual((most.amounts.completion, most.said), (100, False))

    def test_nobody_is_answered_without_end(self) -> None:
        tokens, _ = self.completion(max_tokens=10**400)
        self.assertLess(tokens, 10**12)

    def test_what_the_configuration_says(self) -> None:
        told = Deployment("m", "openai", "x", info={"max_output_tokens": 100})
        self.assertEqual(self.completion(told), (100, False))
        self.assertEqual(self.completion(told, max_tokens=None), (100, False))
        self.assertEqual(self.completion(), (4096, False))

    def test_prompts(self) -> None:
        most = most_of(
            make_call(messages=_HELLO, tools=[{"x": "y" * 1000}]), most_output(_DEPLOYMENT)
        )
        self.assertGreater(most.amounts.prompt, 1000)
        self.assertLess(most.amounts.prompt, 1100)

    def test_pictures_are_no_text(self) -> None:
        picture = base64.b64encode(bytes(range(256)) * 4000).decode()
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
        messages = [{"role": "user", "content": [part]}]
        most = most_of(make_call(messages=messages), most_output(_DEPLOYMENT))
        self.assertLess(most.amounts.prompt, 40_000)
        self.assertGreaterEqual(most.amounts.prompt, 1600)

    def test_pictures_by_their_url_are_no_text(self) -> None:
        part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        text = {"type": "text", "text": json.dumps(part)}
        for parts, least, most in (([part, part], 3200, 3300), ([text], 0, 100)):
            messages = [{"role": "user", "content": parts}]
            amounts = most_of(make_call(messages=messages), 1).amounts
            self.assertGreaterEqual(amounts.prompt, least)
            self.assertLess(amounts.prompt, most)

    def test_pictures_that_are_made_may_be_paid_by_their_tokens(self) -> None:
        amounts = most_of(make_call(Task.IMAGE, prompt="x", n=2), 1).amounts
        self.assertGreaterEqual(amounts.completion, 2 * 6208)
        amounts = most_of(_form(Task.IMAGE_EDIT, 200_000, ("n", "2")), 1).amounts
        self.assertGreaterEqual(amounts.completion, 2 * 6208)
        self.assertGreaterEqual(amounts.prompt, 6208)
        amounts = most_of(make_call(Task.IMAGE, prompt="x", quality="low"), 1).amounts
        self.assertLess(amounts.completion, 500)

    def test_sound_may_be_paid_by_its_tokens(self) -> None:
        amounts = most_of(_form(Task.TRANSCRIPTION, 200_000), 1).amounts
        self.assertEqual((amounts.prompt_audio, amounts.completion), (1000, 1000))
        spoken = most_of(make_call(Task.SPEECH, input="x" * 100), 1).amounts
        self.assertEqual(spoken.completion_audio, 150)

    def test_what_is_not_written(self) -> None:
        most = most_of(make_call(Task.EMBEDDING, input="x" * 100), most_output(_DEPLOYMENT))
        self.assertEqual((most.amounts.completion, most.said), (0, True))
        most = most_of(make_call(Task.SPEECH, input="twelve chars"), most_output(_DEPLOYMENT))
        self.assertEqual(most.amounts.characters, 12)
        most = most_of(make_call(Task.IMAGE, prompt="x", n=4), most_output(_DEPLOYMENT))
        self.assertEqual(most.amounts.images, 4)

    def test_forms(self) -> None:
        most = most_of(_form(Task.TRANSCRIPTION, 200_000), most_output(_DEPLOYMENT))
        self.assertEqual((most.amounts.seconds, most.amounts.images), (100, 0))
        most = most_of(_form(Task.IMAGE_EDIT, 200_000, ("n", "2")), most_output(_DEPLOYMENT))
        self.assertEqual((most.amounts.seconds, most.amounts.images), (0, 2))


class AmountsTests(SynchronousTestCase):
    """How much work a call was."""

    def amounts(self, call: Call | FormCall, answer: bytes) -> Any:
        """The amounts of an answered call."""
        reader = UsageReader()
        reader.document(answer)
        return amounts_of(call, reader, *tokens_of(call, reader))

    def test_kinds_of_tokens_are_apart(self) -> None:
        amounts = self.amounts(
            make_call(messages=_HELLO),
            b'{"usage":{"prompt_tokens":100,"completion_tokens":20,'
            b'"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10},'
            b'"completion_tokens_details":{"audio_tokens":5}}}',
        )
        self.assertEqual((amounts.prompt, amounts.cache_read, amounts.prompt_audio), (30, 60, 10))
        self.assertEqual((amounts.completion, amounts.completion_audio), (15, 5))

    def test_caches_of_an_hour_are_apart(self) -> None:
        amounts = self.amounts(
            make_call(Task.MESSAGES, messages=_HELLO),
            b'{"usage":{"input_tokens":1,"cache_creation_input_tokens":30,"output_tokens":2,'
            b'"cache_creation":{"ephemeral_1h_input_tokens":20}}}',
        )
        self.assertEqual((amounts.prompt, amounts.read), (1, 31))
        self.assertEqual((amounts.cache_write, amounts.cache_write_hour), (10, 20))

    def test_sound_that_was_heard(self) -> None:
        call = _form(Task.TRANSCRIPTION, 160_000)
        self.assertEqual(self.amounts(call, b'{"text":"x"}').seconds, 10)
        self.assertEqual(self.amounts(call, b'{"text":"x","duration":7.5}').seconds, 7.5)

    def test_sound_that_was_made(self) -> None:
        # Its answer is sound alone, and tells nothing.
        amounts = self.amounts(make_call(Task.SPEECH, input="x" * 100), b"")
        self.assertEqual((amounts.characters, amounts.completion_audio), (100, 150))

    def test_searches(self) -> None:
        call = make_call(Task.RERANK, query="x", documents=["y"])
        answer = b'{"results":[],"meta":{"billed_units":{"search_units":3}}}'
        self.assertEqual(self.amounts(call, answer).requests, 3)
        self.assertEqual(self.amounts(call, b'{"results":[]}').requests, 1)
