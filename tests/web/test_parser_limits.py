"""How large a head, and the framing of a body, may be."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.parsing import CHUNKED, head, parse
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.parser import HEAD_LIMIT


class HeadLimitTests(SynchronousTestCase):
    def refused(self, *pieces: bytes) -> int:
        with self.assertRaises(HTTPError) as raised:
            parse(*pieces)
        return raised.exception.status

    def test_a_head_within_the_limit_is_taken(self) -> None:
        self.assertEqual(len(parse(head(b"A: " + b"x" * (HEAD_LIMIT - 100))).heads), 1)

    def test_a_head_that_does_not_end_is_431_once_it_is_over_the_limit(self) -> None:
        self.assertEqual(self.refused(head()[:-2] + b"A: " + b"x" * HEAD_LIMIT), 431)

    def test_a_head_of_many_fields_is_431_once_it_is_over_the_limit(self) -> None:
        self.assertEqual(self.refused(head()[:-2], *[b"A: b\r\n"] * (HEAD_LIMIT // 6)), 431)

    def test_a_target_over_the_limit_is_431(self) -> None:
        self.assertEqual(self.refused(b"GET /", *[b"x" * 1000] * 70), 431)

    def test_a_head_over_the_limit_in_one_piece_is_431_too(self) -> None:
        self.assertEqual(self.refused(head(b"A: " + b"x" * HEAD_LIMIT)), 431)

    def test_a_head_that_ends_over_the_limit_is_431_too(self) -> None:
        big = head(b"A: " + b"x" * 2 * HEAD_LIMIT)
        self.assertEqual(self.refused(big[: HEAD_LIMIT - 1], big[HEAD_LIMIT - 1 :]), 431)

    def test_empty_lines_without_end_are_refused(self) -> None:
        self.assertEqual(self.refused(*[b"\r\n" * 1000] * 40), 431)

    def test_a_big_body_is_not_counted_as_head(self) -> None:
        body = b"x" * (HEAD_LIMIT * 3)
        request = head(b"Content-Length: %d" % len(body)) + body
        told = parse(request[:1000], request[1000:], head())
        self.assertEqual(told.bodies, [body, b""])

    def test_many_requests_in_one_piece_are_not_counted_together(self) -> None:
        self.assertEqual(len(parse(head() * 5000).heads), 5000)

    def test_trailers_without_end_are_refused(self) -> None:
        self.assertEqual(self.refused(CHUNKED + b"0\r\n", *[b"A: b\r\n" * 1000] * 12), 400)

    def test_a_chunk_extension_without_end_is_refused(self) -> None:
        self.assertEqual(self.refused(CHUNKED + b"1;a=", *[b"x" * 1000] * 70), 400)
