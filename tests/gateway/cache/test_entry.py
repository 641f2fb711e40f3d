"""What of an answer is kept."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.cache.entry import MOST, make_entry
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.events import DONE, EVENT_STREAM, event

_CHUNK = event(b'{"choices":[{"delta":{"content":"an \\"error\\""}}]}')
_ERROR = event(b'{"error":{"message":"overloaded"}}')
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class EntryTests(SynchronousTestCase):
    def kept(self, body: bytes, content_type: bytes = EVENT_STREAM) -> bool:
        return make_entry(Result(body, content_type), body, 1.0) is not None

    def test_whole_streams(self) -> None:
        for stream in (_CHUNK + DONE, _CHUNK + _STOP, _CHUNK + b": comment\n\n" + DONE):
            self.assertTrue(self.kept(stream), stream)

    def test_streams_that_are_not(self) -> None:
        for stream in (b"", _CHUNK, DONE + _CHUNK, _CHUNK + _ERROR, _ERROR + DONE, DONE[:-2]):
            self.assertFalse(self.kept(stream), stream)

    def test_size(self) -> None:
        self.assertTrue(self.kept(b"x" * MOST, b"application/json"))
        self.assertFalse(self.kept(b"x" * (MOST + 1), b"application/json"))

    def test_the_answer_again(self) -> None:
        headers = ((b"x-litellm-model-id", b"7"), (b"x-request-id", b"the provider's"))
        entry = make_entry(Result(b"{}", headers=headers), b"{}", 1.0)
        assert entry is not None
        again = Result(
            b"{}", headers=((b"x-litellm-model-id", b"7"), (b"x-litellm-cache-key", b"k"))
        )
        self.assertEqual(entry.result("k"), again)
