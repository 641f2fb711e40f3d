"""The forms in which clients sign what they send."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import SECRET
from twisted_aigate.storage.s3.canonical import (
    SignedRequest,
    header_forms,
    parse_query,
    path_forms,
    query_forms,
)
from twisted_aigate.storage.s3.credential import parse_authorization
from twisted_aigate.storage.s3.signature import sign_request, signing_key, verify


class PathTests(SynchronousTestCase):
    def test_the_wires_form_then_the_normal_one(self) -> None:
        for raw, forms in (
            (b"/storage/b/k", (b"/storage/b/k",)),
            (b"/b/a%20b", (b"/b/a%20b",)),
            (b"/b/a+b", (b"/b/a+b", b"/b/a%2Bb")),
            (b"/b/a%2fb", (b"/b/a%2fb", b"/b/a%2Fb")),
            (b"/b/%7Ea*", (b"/b/%7Ea*", b"/b/~a%2A")),
            (b"/b/\xc3\xa9", (b"/b/\xc3\xa9", b"/b/%C3%A9")),
            (b"/b//x/../y/", (b"/b//x/../y/",)),
            (b"/b/100%", (b"/b/100%", b"/b/100%25")),
        ):
            self.assertEqual(path_forms(raw), forms)

    @given(st.binary(max_size=60))
    def test_every_form_addresses_the_same(self, tail: bytes) -> None:
        """Decoding a form gives the path, segment by segment."""
        raw = b"/b/" + tail
        segments = [unquote_to_bytes(part) for part in raw.split(b"/")]
        for form in path_forms(raw):
            self.assertEqual([unquote_to_bytes(part) for part in form.split(b"/")], segments)


class QueryTests(SynchronousTestCase):
    def test_forms(self) -> None:
        for raw, forms in (
            (b"", (b"",)),
            (b"uploads", (b"uploads=",)),
            (b"b=2&a=1&a=0&&", (b"a=0&a=1&b=2",)),
            (b"a-=1&a=2", (b"a=2&a-=1",)),
            (b"prefix=a+b", (b"prefix=a%20b", b"prefix=a+b")),
            (b"p=a/b=&q", (b"p=a%2Fb%3D&q=", b"p=a/b=&q=")),
            (b"p=%2f", (b"p=%2F", b"p=%2f")),
        ):
            self.assertEqual(query_forms(raw), forms)

    def test_one_is_left_out(self) -> None:
        self.assertEqual(query_forms(b"a=1&X%2DSig=2", b"X-Sig"), (b"a=1",))

    def test_what_is_read_is_what_was_signed(self) -> None:
        self.assertEqual(
            parse_query(b"a+b=c%20d&e&f=%2B&=g"),
            [(b"a b", b"c d"), (b"e", b""), (b"f", b"+"), (b"", b"g")],
        )


class HeaderTests(SynchronousTestCase):
    def test_forms(self) -> None:
        request = SignedRequest(
            "GET", b"/", b"", [(b"b", b" x  y "), (b"a", b"1"), (b"b", b"z"), (b"c", b"-")]
        )
        self.assertEqual(
            header_forms(request, (b"a", b"b")), (b"a:1\nb:x y,z\n", b"a:1\nb:x  y,z\n")
        )
        self.assertEqual(header_forms(request, (b"a",)), (b"a:1\n",))


class OtherClientTests(SynchronousTestCase):
    """Clients whose canonical form is not what botocore's is."""

    def accept(self, canonical_path: bytes, wire_path: bytes, query: bytes, wire: bytes) -> None:
        scope = "20130524/us-east-1/s3/aws4_request"
        canonical = b"\n".join(
            [
                b"GET",
                canonical_path,
                query,
                b"host:h\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20130524T000000Z\n",
                b"host;x-amz-content-sha256;x-amz-date",
                b"UNSIGNED-PAYLOAD",
            ]
        )
        key = signing_key(SECRET, "20130524", "us-east-1")
        signature = sign_request(key, "20130524T000000Z", scope, canonical)
        request = SignedRequest(
            "GET",
            wire_path,
            wire,
            [
                (b"host", b"h"),
                (b"x-amz-date", b"20130524T000000Z"),
                (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
                (
                    b"authorization",
                    b"AWS4-HMAC-SHA256   Credential=k/20130524/us-east-1/s3/aws4_request,"
                    b"SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=" + signature,
                ),
            ],
        )
        credential = parse_authorization(request)
        assert credential is not None
        verify(request, credential, SECRET, credential.issued_at)

    def test_the_path_is_sent_less_encoded_than_it_is_signed(self) -> None:
        self.accept(b"/b/a%2Bb%20%C3%A9", "/b/a+b%20é".encode(), b"", b"")

    def test_the_path_is_signed_as_it_is_sent(self) -> None:
        self.accept(b"/b/a+(b)", b"/b/a+(b)", b"", b"")

    def test_the_query_is_sent_as_a_form(self) -> None:
        self.accept(b"/b", b"/b", b"delimiter=%2F&prefix=a%20b", b"prefix=a+b&delimiter=/")

    def test_the_query_is_signed_as_it_is_sent(self) -> None:
        self.accept(b"/b", b"/b", b"delimiter=/&prefix=", b"prefix=&delimiter=/")
