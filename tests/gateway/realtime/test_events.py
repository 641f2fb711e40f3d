"""What is read of a provider's events, and what is said in its place."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.realtime.events import error_event, usage_in
from twisted_aigate.kernel.websocket import Message


def event(type: str, **fields: Any) -> Message:
    return Message(msgspec.json.encode({"type": type, **fields}))


class TokensTests(SynchronousTestCase):
    def test_a_response_that_is_done_says_what_it_took(self) -> None:
        # https://platform.openai.com/docs/api-reference/realtime-server-events/response/done
        usage = {
            "total_tokens": 253,
            "input_tokens": 132,
            "output_tokens": 121,
            "input_token_details": {
                "text_tokens": 79,
                "audio_tokens": 53,
                "cached_tokens": 40,
                "cached_tokens_details": {"text_tokens": 30, "audio_tokens": 10},
            },
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
        }
        reader = usage_in(event("response.done", response={"usage": usage}))
        assert reader is not None
        said = reader.usage
        self.assertEqual((reader.tokens, said.prompt, said.completion), (253, 132, 121))
        self.assertEqual((said.cache_read, said.prompt_audio, said.completion_audio), (40, 43, 91))

    def test_words_that_were_heard_say_what_they_took(self) -> None:
        name = "conversation.item.input_audio_transcription.completed"
        reader = usage_in(event(name, usage={"type": "duration", "seconds": 3.5}))
        assert reader is not None
        self.assertEqual(reader.usage.seconds, 3.5)

    def test_nothing_else_does(self) -> None:
        for message in (
            event("response.created", metadata={"is": "response.done"}),
            event("response.text.delta", delta='"response.done"', response={"usage": {}}),
            Message(b'{"type": "response.done"'),
            Message(b'{"type": "response.done\xff"'),
            Message(b'{"type":"response.done","response":{"usage":{"total_tokens":1}}}', False),
        ):
            with self.subTest(message=message):
                self.assertIsNone(usage_in(message))


class ErrorTests(SynchronousTestCase):
    def test_an_error_is_an_event(self) -> None:
        error = GatewayError(502, "It broke off.", code="connection_broken")
        said = msgspec.json.decode(error_event("1", error).data)
        self.assertEqual((said["type"], said["event_id"]), ("error", "event_1"))
        self.assertEqual(said["error"]["code"], "connection_broken")
        self.assertEqual(said["error"]["message"], "It broke off.")
