"""What is sent, and where."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import HandFed
from twisted_aigate.http_client.messages import Origin, OutgoingRequest, split_url

HERE = Origin("https", "api.test", 443)


class OriginTests(SynchronousTestCase):
    def test_a_default_port_is_not_told(self) -> None:
        for origin, authority in (
            (HERE, b"api.test"),
            (Origin("http", "api.test", 80), b"api.test"),
            (Origin("http", "api.test", 443), b"api.test:443"),
            (Origin("https", "api.test", 8443), b"api.test:8443"),
            (Origin("http", "::1", 80), b"[::1]"),
            (Origin("http", "::1", 81), b"[::1]:81"),
        ):
            self.assertEqual(origin.authority, authority)

    def test_urls_are_taken_apart(self) -> None:
        for url, origin, path in (
            ("https://api.test/v1/", HERE, "/v1"),
            ("https://API.test", HERE, ""),
            ("http://api.test:81/a/b", Origin("http", "api.test", 81), "/a/b"),
            ("http://[::1]:81/", Origin("http", "::1", 81), ""),
            ("https://bücher.test", Origin("https", "xn--bcher-kva.test", 443), ""),
        ):
            self.assertEqual(split_url(url), (origin, path))

    def test_what_is_no_url_of_ours_is_refused(self) -> None:
        for url in ("", "api.test", "ftp://api.test", "http://", "https:///v1", "http://a:x/"):
            with self.assertRaises(ValueError, msg=url):
                split_url(url)


class HeadTests(SynchronousTestCase):
    def head(self, method: bytes, body: object = b"", *fields: tuple[bytes, bytes]) -> list[bytes]:
        head = OutgoingRequest(method, b"/v1?a=b", fields, body).head(HERE)
        self.assertTrue(head.endswith(b"\r\n\r\n"))
        return head[:-4].split(b"\r\n")

    def test_a_get_has_no_length(self) -> None:
        self.assertEqual(self.head(b"GET"), [b"GET /v1?a=b HTTP/1.1", b"Host: api.test"])

    def test_fields_are_sent_in_order(self) -> None:
        lines = self.head(b"GET", b"", (b"A", b"1"), (b"B", b"2"))
        self.assertEqual(lines[2:], [b"A: 1", b"B: 2"])

    def test_a_post_has_its_length_even_when_it_is_empty(self) -> None:
        self.assertEqual(self.head(b"POST")[-1], b"Content-Length: 0")
        self.assertEqual(self.head(b"POST", b"hello")[-1], b"Content-Length: 5")

    def test_a_streamed_body_of_known_length_tells_it(self) -> None:
        self.assertEqual(self.head(b"POST", HandFed(7))[-1], b"Content-Length: 7")

    def test_a_streamed_body_of_unknown_length_is_chunked(self) -> None:
        self.assertEqual(self.head(b"POST", HandFed())[-1], b"Transfer-Encoding: chunked")
