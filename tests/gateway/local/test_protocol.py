"""The frames between the gateway and its model workers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.local.protocol import (
    HEADER,
    MAX_FRAME,
    TASKS,
    Cancel,
    Chunk,
    Decoder,
    Done,
    Failed,
    Frame,
    FrameError,
    Head,
    Job,
    Ready,
    encode,
)

ids = st.integers(min_value=0, max_value=2**63 - 1)
words = st.none() | st.text()
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Job, ids, st.sampled_from(TASKS), st.binary(max_size=200)),
    st.builds(Cancel, ids),
    st.builds(Ready, st.floats(min_value=0, allow_infinity=False)),
    st.builds(Head, ids, st.text()),
    st.builds(Chunk, ids, st.binary(max_size=200)),
    st.builds(Done, ids),
    st.builds(Failed, ids, st.integers(400, 599), st.text(), words, words),
)


class RoundTripTests(SynchronousTestCase):
    """What is encoded is decoded, however the pipe cuts it."""

    @given(st.lists(frames, max_size=8), st.lists(st.integers(0, 2000), max_size=20))
    def test_any_split(self, sent: list[Frame], cuts: list[int]) -> None:
        """Frames come out whole and in order wherever the reads end."""
        data = b"".join(encode(frame) for frame in sent)
        places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
        decoder = Decoder()
        received: list[Frame] = []
        for start, end in pairwise(places):
            received += decoder.feed(data[start:end])
        self.assertEqual(received, sent)

    def test_byte_by_byte(self) -> None:
        """A frame comes with its last byte, not before."""
        data = encode(Chunk(7, b"data"))
        decoder = Decoder()
        answers = [decoder.feed(data[place : place + 1]) for place in range(len(data))]
        self.assertEqual(answers, [[]] * (len(data) - 1) + [[Chunk(7, b"data")]])


class BoundsTests(SynchronousTestCase):
    """A fault of one side does not become the other's memory."""

    def test_too_long_to_send(self) -> None:
        """A frame that the other side would not take is not sent."""
        self.assertRaises(FrameError, encode, Chunk(1, bytes(MAX_FRAME)))

    def test_too_long_to_take(self) -> None:
        """Such a length is refused before any of its payload has come."""
        header = (MAX_FRAME + 1).to_bytes(HEADER, "big")
        self.assertRaises(FrameError, Decoder().feed, header)

    def test_the_longest(self) -> None:
        """A frame just under the limit passes."""
        frame = Chunk(1, bytes(MAX_FRAME - 100))
        self.assertEqual(Decoder().feed(encode(frame)), [frame])

    @given(st.binary(max_size=50))
    def test_not_a_frame(self, payload: bytes) -> None:
        """Whatever the payload is, it is a frame or a L{FrameError}."""
        data = len(payload).to_bytes(HEADER, "big") + payload
        try:
            decoded = Decoder().feed(data)
        except FrameError:
            return
        self.assertEqual(len(decoded), 1)

    def test_unknown_kind(self) -> None:
        """A kind that this version does not know is an error, not a guess."""
        data = encode(Done(1)).replace(b"done", b"gone")
        self.assertRaises(FrameError, Decoder().feed, data)
