"""Counting an answer's tokens as it passes."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import chunk, stream
from twisted_aigate.gateway.routing.usage import TokenCount

_USAGE = {"prompt_tokens": 120, "completion_tokens": 34, "total_tokens": 154}


def _count(*pieces: bytes) -> int:
    count = TokenCount()
    for piece in pieces:
        count.feed(piece)
    return count.tokens


class TokenCountTests(SynchronousTestCase):
    """What counts."""

    def test_whole_answers(self) -> None:
        """The usage, however it is spaced; an answer without has none."""
        answer = {"choices": [], "usage": _USAGE}
        for separators in ((",", ":"), (", ", " : ")):
            self.assertEqual(_count(json.dumps(answer, separators=separators).encode()), 154)
        self.assertEqual(_count(b'{"choices":[]}'), 0)

    def test_text_is_not_usage(self) -> None:
        """What a model says of tokens does not count."""
        said = json.dumps({"total_tokens": 999_999})
        answer = {"choices": [{"message": {"content": said}}], "usage": _USAGE}
        self.assertEqual(_count(json.dumps(answer).encode()), 154)
        self.assertEqual(_count(json.dumps({"choices": answer["choices"]}).encode()), 0)

    def test_streams(self) -> None:
        """The last usage of a stream; without any, its events."""
        chunks = [chunk({"content": "x"}) for _ in range(5)]
        self.assertEqual(_count(stream(*chunks, done=False)), 5)
        usage = json.dumps({"choices": [], "usage": _USAGE}).encode()
        early = json.dumps({"choices": [], "usage": {**_USAGE, "total_tokens": 1}}).encode()
        self.assertEqual(_count(stream(early, *chunks, usage)), 154)

    @given(st.lists(st.integers(0, 400)))
    def test_cut_anywhere(self, cuts: list[int]) -> None:
        """However the answer is cut."""
        data = json.dumps({"choices": [{"x": "y" * 200}], "usage": _USAGE, "z": "z"}).encode()
        places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
        pieces = [data[a:b] for a, b in itertools.pairwise(places)]
        self.assertEqual(_count(*pieces), 154)
