"""Reading in an answer, as it passes, what it took."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import chunk, stream
from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.accounting.usage import Usage

_USAGE = {"prompt_tokens": 120, "completion_tokens": 34, "total_tokens": 154}


def _document(**fields: Any) -> Usage:
    reader = UsageReader()
    reader.document(json.dumps(fields).encode())
    return reader.usage


def _stream(*pieces: bytes) -> UsageReader:
    reader = UsageReader()
    for piece in pieces:
        reader.feed(piece)
    reader.finish()
    return reader


def _events(*values: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


class DocumentTests(SynchronousTestCase):
    """Answers that are one JSON value."""

    def test_chat(self) -> None:
        details = {"cached_tokens": 100, "audio_tokens": 5}
        usage = _document(
            choices=[],
            usage={
                **_USAGE,
                "prompt_tokens_details": details,
                "completion_tokens_details": {"audio_tokens": 7, "reasoning_tokens": 1},
            },
        )
        self.assertEqual((usage.prompt, usage.completion, usage.total), (120, 34, 154))
        self.assertEqual(usage.cache_read, 100)
        self.assertEqual((usage.prompt_audio, usage.completion_audio), (5, 7))

    def test_deepseek_has_its_own_word_for_cached(self) -> None:
        usage = _document(usage={**_USAGE, "prompt_cache_hit_tokens": 64})
        self.assertEqual(usage.cache_read, 64)

    def test_embeddings(self) -> None:
        usage = _document(data=[], usage={"prompt_tokens": 9, "total_tokens": 9})
        self.assertEqual((usage.prompt, usage.completion), (9, 0))
        usage = _document(data=[], usage={"total_tokens": 9})
        self.assertEqual((usage.prompt, usage.completion), (9, 0))

    def test_a_message_counts_the_caches_apart(self) -> None:
        usage = _document(
            usage={
                "input_tokens": 10,
                "cache_read_input_tokens": 200,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_1h_input_tokens": 20},
                "output_tokens": 4,
            }
        )
        self.assertEqual(usage.cache_write_hour, 20)
        self.assertEqual((usage.prompt, usage.completion), (240, 4))
        self.assertEqual((usage.cache_read, usage.cache_write), (200, 30))

    def test_a_response_counts_them_in(self) -> None:
        details = {"cached_tokens": 3}
        usage = _document(
            usage={
                "input_tokens": 10,
                "input_tokens_details": details,
                "output_tokens": 4,
                "total_tokens": 14,
            }
        )
        self.assertEqual((usage.prompt, usage.completion, usage.cache_read), (10, 4, 3))

    def test_sound(self) -> None:
        self.assertEqual(_document(text="x", usage={"type": "duration", "seconds": 7}).seconds, 7)
        self.assertEqual(_document(text="x", duration=1.5).seconds, 1.5)

    def test_rankings(self) -> None:
        meta = {"billed_units": {"search_units": 2}}
        self.assertEqual(_document(results=[], meta=meta).searches, 2)

    def test_other_fields_of_the_same_names(self) -> None:
        usage = _document(message="text", response=3, meta=[], usage=_USAGE)
        self.assertEqual(usage.total, 154)

    def test_more_than_any_answer_takes(self) -> None:
        self.assertLess(_document(usage={"prompt_tokens": 1e300}).prompt, 2**63)

    def test_no_usage(self) -> None:
        for body in (b"", b"no JSON", b"\xff", b'{"usage": null}', b'{"usage": {"x": 1}}', b"[]"):
            reader = UsageReader()
            reader.document(body)
            self.assertEqual(reader.tokens, 0)

    def test_large_answers(self) -> None:
        numbers = [0.5] * 20_000
        for fields in (
            {"data": numbers, "usage": {**_USAGE, "prompt_tokens_details": {"cached_tokens": 7}}},
            {"usage": {**_USAGE, "prompt_tokens_details": {"cached_tokens": 7}}, "data": numbers},
        ):
            usage = _document(**fields)
            self.assertEqual((usage.total, usage.cache_read), (154, 7))
        self.assertEqual(_document(data=numbers).total, 0)

    def test_an_answer_without_usage_is_measured(self) -> None:
        reader = UsageReader()
        reader.document(b'{"choices":[{"message":{"content":"twelve chars"}}]}')
        self.assertEqual((reader.usage.total, reader.written), (0, 3))


class StreamTests(SynchronousTestCase):
    """Streams of events."""

    def test_the_last_usage_counts(self) -> None:
        chunks = [chunk({"content": "x"}) for _ in range(5)]
        usage = json.dumps({"choices": [], "usage": _USAGE}).encode()
        early = json.dumps({"choices": [], "usage": {**_USAGE, "total_tokens": 1}}).encode()
        self.assertEqual(_stream(stream(early, *chunks, usage)).tokens, 154)

    def test_without_usage_the_text_is_measured(self) -> None:
        call = {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1}'}}]}
        chunks = [chunk({"content": "four"}), chunk({"reasoning_content": "four"}), chunk(call)]
        self.assertEqual(_stream(stream(*chunks, done=False)).tokens, 5)

    @given(st.lists(st.tuples(st.sampled_from(("content", "reasoning_content")), st.text())))
    def test_every_text_is_measured(self, said: list[tuple[str, str]]) -> None:
        chunks = [chunk({field: text}) for field, text in said]
        size = sum(len(json.dumps(text)) - len('""') for _, text in said)
        self.assertEqual(_stream(stream(*chunks)).written, -(-size // 4))

    def test_usage_among_events_that_are_alike(self) -> None:
        alike = [{"choices": [{"delta": {"content": "four"}}], "usage": None} for _ in range(3)]
        reader = _stream(_events(*alike, {**alike[0], "usage": _USAGE}, *alike))
        self.assertEqual((reader.usage.total, reader.written), (154, 7))

    def test_what_a_model_says_of_usage_does_not_count(self) -> None:
        said = json.dumps({"usage": {"prompt_tokens": 9, "completion_tokens": 999_999}})
        reader = _stream(stream(chunk({"content": said})))
        self.assertIsNone(reader.usage.completion)

    def test_a_message_tells_at_its_beginning_and_end(self) -> None:
        start = {"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1}
        delta = {"type": "content_block_delta", "delta": {"text": "12345678"}}
        begun = [{"type": "message_start", "message": {"usage": start}}, delta]
        reader = _stream(_events(*begun))
        self.assertEqual((reader.usage.prompt, reader.usage.completion), (30, 1))
        self.assertFalse(reader.usage.is_final)
        self.assertEqual(reader.written, 2)
        reader = _stream(_events(*begun, {"type": "message_delta", "usage": {"output_tokens": 15}}))
        self.assertEqual((reader.usage.prompt, reader.usage.completion), (30, 15))
        self.assertTrue(reader.usage.is_final)

    def test_a_response_tells_at_its_end(self) -> None:
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        events = _events(
            {"type": "response.output_text.delta", "delta": "x"},
            {"type": "response.completed", "response": {"usage": usage}},
        )
        self.assertEqual(_stream(events).usage.total, 7)

    def test_what_a_response_repeats_counts_once(self) -> None:
        said = "12345678"
        events = _events(
            {"type": "response.output_text.delta", "delta": said},
            {"type": "response.output_text.done", "text": said},
            {"type": "response.content_part.done", "part": {"text": said}},
        )
        self.assertEqual(_stream(events).tokens, 2)

    def test_groq_has_it_within(self) -> None:
        reader = _stream(_events({"choices": [], "x_groq": {"usage": _USAGE}}))
        self.assertEqual(reader.usage.total, 154)

    def test_a_last_line_without_its_end(self) -> None:
        self.assertEqual(_stream(_events({"usage": _USAGE}).rstrip()).usage.total, 154)

    @given(st.lists(st.integers(0, 400)))
    def test_cut_anywhere(self, cuts: list[int]) -> None:
        usage = json.dumps({"choices": [{"x": "y" * 99}], "usage": _USAGE, "z": "z"}).encode()
        data = stream(chunk({"content": "four"}), usage)
        places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
        reader = _stream(*(data[a:b] for a, b in itertools.pairwise(places)))
        self.assertEqual((reader.usage.total, reader.written), (154, 1))

    def test_it_ends_once(self) -> None:
        ends: list[None] = []
        reader = UsageReader()
        reader.ended = lambda: ends.append(None)
        reader.finish()
        reader.finish()
        self.assertEqual(len(ends), 1)
