"""Taking server-sent events apart."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.sse import MOST, EventParser, EventTooLarge


def _read(*pieces: bytes) -> list[bytes | None]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


class EventParserTests(SynchronousTestCase):
    """The rules of the HTML standard."""

    def test_forms(self) -> None:
        """Line ends, fields, comments, several lines of data."""
        for data, expected in (
            (b"data: x\n\n", [b"x"]),
            (b"data:x\n\n", [b"x"]),
            (b"data:  x\n\n", [b" x"]),
            (b"data: x\r\n\r\n", [b"x"]),
            (b"data: x\r\rdata: y\r\r\n", [b"x", b"y"]),
            (b"data: a\ndata: b\n\n", [b"a\nb"]),
            (b"event: e\nid: 1\nretry: 2\ndata: x\n\n", [b"x"]),
            (b": comment\n\ndata: x\n\n", [None, b"x"]),
            (b":\n\n", [None]),
            (b"data\n\n", [b""]),
            (b"event: alone\n\n", []),
            (b"\n\n\ndata: x\n\n", [b"x"]),
            (b"\xef\xbb\xbfdata: x\n\n", [b"x"]),
            (b"data: x\n\ndata: unfinished\n", [b"x"]),
            (b"data: x", []),
            (b"", []),
        ):
            with self.subTest(data):
                self.assertEqual(_read(data), expected)
                self.assertEqual(_read(*(bytes((byte,)) for byte in data)), expected)

    @given(
        st.lists(st.text("xy: \u00e9").map(str.encode), min_size=1),
        st.sampled_from([b"\n", b"\r\n", b"\r"]),
        st.lists(st.integers(0, 200)),
    )
    def test_cut_anywhere(self, events: list[bytes], end: bytes, cuts: list[int]) -> None:
        """However it is cut, the same events come out."""
        data = b"".join(b"data: " + event + end + end for event in events) + b": over" + end
        places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
        pieces = [data[a:b] for a, b in itertools.pairwise(places)]
        self.assertEqual(_read(*pieces, b"\n"), [*events, None])

    def test_as_soon_as_complete(self) -> None:
        """An event is there with its last byte."""
        parser = EventParser()
        self.assertEqual(list(parser.feed(b"data: x\n")), [])
        self.assertEqual(list(parser.feed(b"\n")), [b"x"])
        self.assertEqual(list(parser.feed(b"data: y\r\n\r\n")), [b"y"])

    def test_endless_event(self) -> None:
        """One that does not end is refused, in one line or in many."""
        piece = b"x" * (MOST // 4)
        for end in (b"", b"\n"):
            with self.subTest(end):
                parser = EventParser()
                with self.assertRaises(EventTooLarge):
                    for _ in range(5):
                        list(parser.feed(b"data: " + piece + end))

    def test_size_is_of_one_event(self) -> None:
        """Many events may be larger together."""
        parser = EventParser()
        data = b"data: " + b"x" * (MOST // 4) + b"\n\n"
        for _ in range(8):
            self.assertEqual(len(list(parser.feed(data))), 1)
