"""Which bytes are requests, and which are refused."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.parsing import CHUNKED, head, parse
from twisted_aigate.web.errors import HTTPError


class HeadTests(SynchronousTestCase):
    def test_all_of_a_head_is_told(self) -> None:
        [told] = parse(head(b"X-A: 1", b"x-a:  2 \t", b"Empty:", first=b"PUT /a?b HTTP/1.1")).heads
        self.assertEqual((told.method, told.uri, told.version), (b"PUT", b"/a?b", b"HTTP/1.1"))
        self.assertEqual(
            told.fields,
            [(b"host", b"test"), (b"x-a", b"1"), (b"x-a", b"2"), (b"empty", b"")],
        )
        self.assertEqual((told.length, told.persistent, told.expects_continue), (0, True, False))

    def test_the_length_is_told_or_that_it_is_not_known(self) -> None:
        self.assertEqual(parse(head(b"Content-Length: 12")).heads[0].length, 12)
        self.assertIsNone(parse(CHUNKED).heads[0].length)
        self.assertIsNone(parse(head(b"Transfer-Encoding: Chunked")).heads[0].length)

    def test_who_closes_is_told(self) -> None:
        for lines, first, persistent in (
            ((), b"GET / HTTP/1.1", True),
            ((b"Connection: close",), b"GET / HTTP/1.1", False),
            ((), b"GET / HTTP/1.0", False),
        ):
            self.assertEqual(parse(head(*lines, first=first)).heads[0].persistent, persistent)

    def test_a_target_in_pieces_is_one(self) -> None:
        [told] = parse(b"GET /ab", b"cd?e=", b"f HTTP/1.1\r\nHost: t\r\n\r\n").heads
        self.assertEqual(told.uri, b"/abcd?e=f")


class RefusalTests(SynchronousTestCase):
    def refused(self, *pieces: bytes) -> int:
        with self.assertRaises(HTTPError) as raised:
            parse(*pieces)
        return raised.exception.status

    def test_both_length_headers_are_refused(self) -> None:
        length, chunked = b"Content-Length: 5", b"Transfer-Encoding: chunked"
        self.assertEqual(self.refused(head(length, chunked)), 400)
        self.assertEqual(self.refused(head(chunked, length)), 400)

    def test_two_lengths_are_refused(self) -> None:
        self.assertEqual(self.refused(head(b"Content-Length: 5", b"Content-Length: 6")), 400)
        self.assertEqual(self.refused(head(b"Content-Length: 5", b"Content-Length: 5")), 400)
        self.assertEqual(self.refused(head(b"Content-Length: 5, 5")), 400)

    def test_lengths_that_are_no_numbers_are_refused(self) -> None:
        for value in (b"-1", b"+5", b"0x5", b"5 5", b"five", b"", b"1_0", b"9" * 30):
            with self.subTest(value=value):
                self.assertEqual(self.refused(head(b"Content-Length: " + value)), 400)

    def test_transfer_encodings_but_chunked_are_refused(self) -> None:
        for value in (b"gzip", b"gzip, chunked", b"chunked, chunked", b"identity", b"xchunked"):
            with self.subTest(value=value):
                self.assertEqual(self.refused(head(b"Transfer-Encoding: " + value)), 400)

    def test_chunked_twice_is_refused(self) -> None:
        field = b"Transfer-Encoding: chunked"
        self.assertEqual(self.refused(head(field, field)), 400)

    def test_chunked_in_http_1_0_is_refused(self) -> None:
        chunked = head(b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.0")
        self.assertEqual(self.refused(chunked), 400)

    def test_bad_chunk_sizes_are_refused(self) -> None:
        for size in (b"g", b"-1", b"+1", b"0x1", b" 1", b"1 1", b"", b"F" * 17, b"1\n"):
            with self.subTest(size=size):
                self.assertEqual(self.refused(CHUNKED + size + b"\r\nabc"), 400)

    def test_a_chunk_longer_than_its_size_is_refused(self) -> None:
        self.assertEqual(self.refused(CHUNKED + b"1\r\nab\r\n"), 400)

    def test_bare_line_feeds_are_refused(self) -> None:
        self.assertEqual(self.refused(b"GET / HTTP/1.1\nHost: test\n\n"), 400)
        self.assertEqual(self.refused(b"GET / HTTP/1.1\r\nHost: test\nA: b\r\n\r\n"), 400)
        self.assertEqual(self.refused(b"GET / HTTP/1.1\r\nHost: test\r\n\n"), 400)
        self.assertEqual(self.refused(CHUNKED + b"1\na\r\n"), 400)

    def test_bare_carriage_returns_are_refused(self) -> None:
        self.assertEqual(self.refused(head(b"A: b\rC: d")), 400)

    def test_folded_fields_are_refused(self) -> None:
        self.assertEqual(self.refused(head(b"A: b", b" c")), 400)
        self.assertEqual(self.refused(head(b"A: b", b"\tc")), 400)
        self.assertEqual(self.refused(b"GET / HTTP/1.1\r\n Host: test\r\n\r\n"), 400)

    def test_space_before_a_colon_is_refused(self) -> None:
        self.assertEqual(self.refused(head(b"Content-Length : 5")), 400)
        self.assertEqual(self.refused(head(b"A\t: b")), 400)

    def test_names_that_are_no_tokens_are_refused(self) -> None:
        for line in (b": b", b"A(: b", b"A B: c", b"A\x00: b", b"no colon", b"\xc3\xa4: b"):
            with self.subTest(line=line):
                self.assertEqual(self.refused(head(line)), 400)

    def test_control_characters_in_values_are_refused(self) -> None:
        for byte in (b"\x00", b"\x01", b"\x7f"):
            with self.subTest(byte=byte):
                self.assertEqual(self.refused(head(b"A: b" + byte + b"c")), 400)

    def test_other_than_one_host_is_refused(self) -> None:
        self.assertEqual(self.refused(b"GET / HTTP/1.1\r\nA: b\r\n\r\n"), 400)
        self.assertEqual(self.refused(head(b"Host: other")), 400)
        self.assertEqual(self.refused(head(b"HOST: test")), 400)
        self.assertEqual(self.refused(head(b"Host: b", first=b"GET / HTTP/1.0")), 400)

    def test_versions_that_are_not_ours_are_refused(self) -> None:
        self.assertIn(self.refused(head(first=b"GET / HTTP/0.9")), (400, 505))
        self.assertIn(self.refused(head(first=b"GET / HTTP/2.0")), (400, 505))
        self.assertIn(self.refused(head(first=b"GET / HTTP/1.2")), (400, 505))
        self.assertEqual(self.refused(b"GET /\r\n\r\n"), 400)
        self.assertEqual(self.refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400)

    def test_connect_is_refused(self) -> None:
        self.assertEqual(self.refused(head(first=b"CONNECT test:443 HTTP/1.1")), 400)

    def test_unknown_methods_are_refused(self) -> None:
        self.assertEqual(self.refused(head(first=b"BREW / HTTP/1.1")), 400)
        self.assertEqual(self.refused(head(first=b"get / HTTP/1.1")), 400)

    def test_what_is_said_does_not_repeat_what_was_sent(self) -> None:
        with self.assertRaises(HTTPError) as raised:
            parse(head(b"Authorization : Bearer sk-very-secret"))
        self.assertNotIn("secret", str(raised.exception))


class BodyTests(SynchronousTestCase):
    def test_a_body_with_its_length_told_ends_there(self) -> None:
        told = parse(head(b"Content-Length: 3") + b"abc" + head())
        self.assertEqual((told.bodies, told.ended), ([b"abc", b""], 2))

    def test_chunks_extensions_and_trailers_are_taken_off(self) -> None:
        told = parse(CHUNKED + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-T: v\r\n\r\n" + head())
        self.assertEqual((told.bodies, told.ended), ([b"abcde", b""], 2))

    def test_trailers_are_no_fields(self) -> None:
        [told] = parse(CHUNKED + b"0\r\nAuthorization: Bearer x\r\n\r\n").heads
        self.assertEqual([name for name, _ in told.fields], [b"host", b"transfer-encoding"])

    @given(
        bodies=st.lists(st.binary(max_size=40), max_size=4),
        cuts=st.lists(st.integers(0, 600), max_size=12),
    )
    def test_cutting_the_stream_changes_nothing(self, bodies: list[bytes], cuts: list[int]) -> None:
        stream = b""
        for index, body in enumerate(bodies):
            if index % 2:
                stream += head(b"Content-Length: %d" % len(body)) + body
            else:
                chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
                stream += CHUNKED + chunk + b"0\r\n\r\n"
        edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
        told = parse(*(stream[a:b] for a, b in pairwise(edges)))
        self.assertEqual(told.bodies, bodies)
        self.assertEqual(told.ended, len(bodies))

    @given(st.binary(max_size=300))
    def test_whatever_comes_is_parsed_or_refused(self, data: bytes) -> None:
        for stream in (data, head(b"A: " + data), CHUNKED + data):
            try:
                parse(stream)
            except HTTPError as error:
                self.assertIn(error.status, (400, 417, 431, 505))
