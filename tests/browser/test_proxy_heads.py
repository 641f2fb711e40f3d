"""What a browser's proxy makes of requests and responses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.proxy.heads import (
    BadHead,
    Destination,
    closing_response,
    destination,
    is_interim,
    read_request,
)


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class RequestTests(SynchronousTestCase):
    def test_a_request_is_sent_on_in_origin_form_and_is_the_last_on_its_connection(self) -> None:
        found = read_request(
            head(
                "GET http://example.com:8080/a?b=c HTTP/1.1",
                "Host: example.com:8080",
                "Proxy-Connection: keep-alive",
                "Connection: keep-alive",
                "Accept: */*",
            )
        )
        self.assertEqual(found.to, Destination("example.com", 8080))
        self.assertEqual(
            found.forwarded,
            head(
                "GET /a?b=c HTTP/1.1",
                "Host: example.com:8080",
                "Accept: */*",
                "Connection: close",
            ),
        )

    def test_ports_and_paths_that_are_not_named(self) -> None:
        found = read_request(head("GET http://example.com HTTP/1.1"))
        self.assertEqual(found.to, Destination("example.com", 80))
        self.assertTrue((found.forwarded or b"").startswith(b"GET / HTTP/1.1\r\n"))

    def test_a_query_without_a_path(self) -> None:
        found = read_request(head("GET http://example.com?x=1 HTTP/1.1"))
        self.assertTrue((found.forwarded or b"").startswith(b"GET /?x=1 HTTP/1.1\r\n"))

    def test_credentials_in_the_address_are_no_host(self) -> None:
        found = read_request(head("GET http://example.com:80@127.0.0.1:9/ HTTP/1.1"))
        self.assertEqual(found.to, Destination("127.0.0.1", 9))

    def test_a_tunnel(self) -> None:
        found = read_request(head("CONNECT [2001:db8::1]:443 HTTP/1.1", "Host: x"))
        self.assertEqual((found.to, found.forwarded), (Destination("2001:db8::1", 443), None))
        self.assertEqual(str(found.to), "[2001:db8::1]:443")

    def test_what_is_no_request_for_a_proxy(self) -> None:
        for line in (
            "GET / HTTP/1.1",
            "GET https://example.com/ HTTP/1.1",
            "GET ftp://example.com/ HTTP/1.1",
            "CONNECT example.com HTTP/1.1",
            "CONNECT example.com:0 HTTP/1.1",
            "CONNECT example.com:70000 HTTP/1.1",
            "CONNECT exam ple.com:1 HTTP/1.1",
            "CONNECT :1 HTTP/1.1",
            "GET http:///x HTTP/1.1",
            "GET http://exa%6Dple.com/ HTTP/1.1",
            "GET http://example.com/ HTTP/2.0",
            "get http://example.com/ HTTP/1.1",
            "",
        ):
            with self.subTest(line):
                self.assertRaises(BadHead, read_request, head(line))

    def test_an_authority(self) -> None:
        self.assertEqual(destination(b"a.b", 80), Destination("a.b", 80))
        self.assertRaises(BadHead, destination, b"a.b", None)
        self.assertRaises(BadHead, destination, b"::1", 80)


class ResponseTests(SynchronousTestCase):
    def test_a_response_says_that_no_other_follows(self) -> None:
        found = closing_response(head("HTTP/1.1 200 OK", "Connection: keep-alive", "A: b"))
        self.assertEqual(found, head("HTTP/1.1 200 OK", "A: b", "Connection: close"))

    def test_one_before_the_real_one(self) -> None:
        self.assertTrue(is_interim(head("HTTP/1.1 103 Early Hints")))
        self.assertFalse(is_interim(head("HTTP/1.1 200 OK")))
