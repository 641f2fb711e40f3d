"""What is not signed, not in time or not as it was signed is refused."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import (
    ACCESS_KEY,
    SECRET,
    accept,
    parsed,
    presigned,
    signed,
    with_header,
)
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.credential import parse_authorization
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.s3.signature import signing_key, verify

_HEADERS = {"x-amz-meta-a": "b", "range": "bytes=0-9"}


class _Case(SynchronousTestCase):
    def refuse(self, code: str, call: Callable[..., object], *arguments: object) -> S3Error:
        error = self.assertRaises(S3Error, call, *arguments)
        self.assertEqual(error.code, code, error.message)
        self.assertNotIn(SECRET, str(error) + str(error.extra))
        return error

    def authorization(self, request: SignedRequest, old: bytes, new: bytes) -> SignedRequest:
        value = request.values(b"authorization")[0]
        self.assertIn(old, value)
        return with_header(request, b"authorization", value.replace(old, new))

    def query(self, request: SignedRequest, old: bytes, new: bytes) -> SignedRequest:
        self.assertIn(old, request.raw_query)
        return evolve(request, raw_query=request.raw_query.replace(old, new))


class TamperedTests(_Case):
    def test_another_secret(self) -> None:
        for request in (signed(), presigned()):
            self.refuse("SignatureDoesNotMatch", accept, request, SECRET + "x")

    def test_the_error_tells_nothing(self) -> None:
        request = self.authorization(signed(), b"Signature=", b"Signature=0")
        error = self.refuse("SignatureDoesNotMatch", accept, request)
        self.assertEqual(error.extra, {})
        self.assertNotRegex(error.message, "[0-9a-f]{32}")
        self.assertNotIn(request.values(b"authorization")[0][-64:].decode(), repr(parsed(request)))

    def test_method_path_query_and_headers(self) -> None:
        for request in (signed("GET", "a/b", "prefix=a", _HEADERS), presigned("GET", "a/b")):
            accept(request)
            for change in (
                {"method": "PUT"},
                {"raw_path": request.raw_path + b"x"},
                {"raw_path": request.raw_path.replace(b"uploads", b"private")},
                {"raw_path": request.raw_path.replace(b"/storage", b"")},
                {"raw_path": request.raw_path.replace(b"a/b", b"a%2Fb")},
                {"raw_path": request.raw_path.replace(b"a/b", b"a//b")},
                {"raw_path": request.raw_path.replace(b"a/b", b"c/../a/b")},
                {"raw_query": request.raw_query + b"&x=y"},
                {"raw_query": b"acl&" + request.raw_query},
            ):
                with self.subTest(change):
                    self.refuse("SignatureDoesNotMatch", accept, evolve(request, **change))
            for name, value in request.headers:
                if name not in (b"authorization", b"x-amz-date"):
                    changed = with_header(request, name, value[:-1] + b"~")
                    error = self.assertRaises(S3Error, accept, changed)
                    self.assertIn(error.code, ("SignatureDoesNotMatch", "InvalidArgument"))

    def test_one_key_is_not_another(self) -> None:
        """Whatever forms are tried, a signature opens what decodes to the same key alone."""
        for key, other in (
            ("a b", b"a%2520b"),
            ("a%20b", b"a%20b"),
            ("a+b", b"a%20b"),
            ("a b", b"a+b"),
            ("a/b", b"a%2Fb"),
            ("a%2Fb", b"a/b"),
            ("a%2Fb", b"a%2Fb"),
            ("..", b""),
            ("x/../y", b"y"),
            ("é", b"%C3%83%C2%A9"),
            ("é", b"e%CC%81"),
        ):
            for request in (signed("GET", key), presigned("GET", key)):
                with self.subTest((key, other)):
                    path = request.raw_path.rpartition(b"uploads/")[0] + b"uploads/" + other
                    self.refuse("SignatureDoesNotMatch", accept, evolve(request, raw_path=path))

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_any_byte_of_the_authorization(self, data: st.DataObject) -> None:
        request = signed()
        value = bytearray(request.values(b"authorization")[0])
        place = data.draw(st.integers(0, len(value) - 1))
        value[place] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
        changed = with_header(request, b"authorization", bytes(value))
        try:
            credential = parse_authorization(changed)
        except S3Error:
            return
        # Without a signature it is no one's; another access key's secret is not this one.
        if credential is not None and credential.access_key == ACCESS_KEY:
            now = credential.issued_at
            self.assertRaises(S3Error, verify, changed, credential, SECRET, now)


class TimeTests(_Case):
    def test_a_replay_after_fifteen_minutes(self) -> None:
        request = signed()
        for after in (-900, 0, 900):
            accept(request, after=after)
        for after in (-901, 900.5, 901, 86400):
            error = self.refuse("RequestTimeTooSkewed", lambda s: accept(request, after=s), after)
            self.assertEqual(error.extra["MaxAllowedSkewMilliseconds"], "900000")

    def test_the_borders_of_a_presigned_request(self) -> None:
        for expires in (1, 3600, 604800):
            request = presigned(expires=expires)
            for after in (-900, 0, expires):
                accept(request, after=after)
            for after in (expires + 0.001, expires + 900):
                error = self.refuse("AccessDenied", lambda s, r: accept(r, after=s), after, request)
                self.assertIn("expired", error.message)
            error = self.refuse("AccessDenied", lambda r: accept(r, after=-901), request)
            self.assertIn("not yet valid", error.message)

    def test_expiries_that_cannot_be(self) -> None:
        for expires in ("0", "-1", "604801", "1e3", "", "9" * 40, "1.5", "%31%20"):
            request = self.query(presigned(), b"Expires=3600", b"Expires=" + expires.encode())
            self.refuse("AuthorizationQueryParametersError", accept, request)

    def test_the_expiry_is_signed(self) -> None:
        request = self.query(presigned(), b"Expires=3600", b"Expires=3601")
        self.refuse("SignatureDoesNotMatch", accept, request)

    def test_dates(self) -> None:
        for date in (b"20130524", b"20131324T000000Z", b"2013-05-24T00:00:00Z", b"", b"x"):
            request = with_header(signed(), b"x-amz-date", date)
            self.refuse("AuthorizationHeaderMalformed", accept, request)
        for value in (None, b"yesterday", b"Fri, 24 May 99999 00:00:00 GMT"):
            request = with_header(signed(headers={"Date": "x"}), b"date", value)
            self.refuse("AccessDenied", accept, request)

    def test_the_scope_has_the_requests_date(self) -> None:
        request = with_header(signed(), b"x-amz-date", b"20130524T000000Z")
        self.refuse("AuthorizationHeaderMalformed", accept, request)


class SignedHeadersTests(_Case):
    def test_x_amz_headers_must_be_signed(self) -> None:
        for request in (signed(), presigned("PUT")):
            changed = with_header(request, b"x-amz-acl", b"public-read")
            error = self.refuse("AccessDenied", accept, changed)
            self.assertEqual(error.extra, {"HeadersNotSigned": "x-amz-acl"})
        request = with_header(presigned("PUT"), b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")
        self.refuse("AccessDenied", accept, request)

    def test_host_must_be_signed(self) -> None:
        request = self.authorization(signed(), b"host;", b"")
        error = self.refuse("AccessDenied", accept, request)
        self.assertEqual(error.extra, {"HeadersNotSigned": "host"})
        request = self.query(presigned(), b"SignedHeaders=host", b"SignedHeaders=range")
        self.refuse("AccessDenied", accept, request)

    def test_a_signed_header_must_be_there(self) -> None:
        for name in (b"x-amz-meta-a", b"range", b"host"):
            error = self.refuse(
                "SignatureDoesNotMatch", accept, with_header(signed(headers=_HEADERS), name, None)
            )
            self.assertIn(name.decode(), error.message)

    def test_more_of_a_signed_header(self) -> None:
        request = signed(headers=_HEADERS)
        headers = [*request.headers, (b"x-amz-meta-a", b"c")]
        self.refuse("SignatureDoesNotMatch", accept, evolve(request, headers=headers))

    def test_the_payloads_hash_must_be_there_and_known(self) -> None:
        request = with_header(signed(), b"x-amz-content-sha256", None)
        self.refuse("MissingSecurityHeader", accept, request)
        for value in (b"", b"x", b"0" * 63, b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
            request = with_header(signed(), b"x-amz-content-sha256", value)
            self.refuse("InvalidArgument", accept, request)


class MalformedTests(_Case):
    def test_no_signature(self) -> None:
        for value in (None, b"Bearer x", b"Basic eDp5", b"", b"AWS4", b"aws4-hmac-sha256 x"):
            request = with_header(signed(), b"authorization", value)
            self.assertIsNone(parse_authorization(request))

    def test_version_2_and_4a(self) -> None:
        for value in (b"AWS uploads:c2ln", b"AWS4-ECDSA-P256-SHA256 Credential=a"):
            request = with_header(signed(), b"authorization", value)
            error = self.refuse("InvalidRequest", accept, request)
            self.assertIn("Please use AWS4-HMAC-SHA256", error.message)

    def test_two_mechanisms(self) -> None:
        for value in (b"Bearer x", b"AWS4-HMAC-SHA256 x"):
            request = with_header(presigned(), b"authorization", value)
            self.refuse("InvalidArgument", accept, request)
        request = signed()
        twice = evolve(request, headers=[*request.headers, (b"authorization", b"Bearer x")])
        self.refuse("InvalidArgument", accept, twice)
        for request in (signed(query="AWSAccessKeyId=a"), presigned()):
            both = evolve(request, raw_query=request.raw_query + b"&AWSAccessKeyId=a")
            self.refuse("InvalidArgument", accept, both)

    def test_headers(self) -> None:
        for old, new in (
            (b"Credential=", b"Credentials="),
            (b", Signature=", b", Signature=0, Signature="),
            (b", Signature=", b" Signature="),
            (b"SignedHeaders=host;", b"SignedHeaders=host;host;"),
            (b"SignedHeaders=host", b"SignedHeaders=Host"),
            (b"/s3/", b"/sqs/"),
            (b"/s3/", b"/"),
            (b"/aws4_request", b"/aws5_request"),
            (b"Credential=uploads/", b"Credential=/"),
            (b"Credential=uploads/20", b"Credential=uploads/"),
        ):
            with self.subTest((old, new)):
                request = self.authorization(signed(), old, new)
                self.refuse("AuthorizationHeaderMalformed", accept, request)

    def test_queries(self) -> None:
        for old, new in (
            (b"X-Amz-Algorithm", b"X-Amz-Algorithms"),
            (b"X-Amz-Credential", b"x"),
            (b"X-Amz-Signature", b"x"),
            (b"X-Amz-Date=", b"x="),
            (b"X-Amz-Expires=", b"x="),
            (b"X-Amz-SignedHeaders=", b"x="),
            (b"X-Amz-Expires=", b"X-Amz-Expires=5&X-Amz-Expires="),
            (b"HMAC-SHA256", b"HMAC-SHA1"),
            (b"SignedHeaders=host", b"SignedHeaders="),
            (b"SignedHeaders=host", b"SignedHeaders=host%0A"),
            (b"%2Fs3%2F", b"%2Fsqs%2F"),
            (b"%2Fus-east-1%2F", b"%2Fus%0Aeast%2F"),
        ):
            with self.subTest((old, new)):
                request = self.query(presigned(), old, new)
                self.refuse("AuthorizationQueryParametersError", accept, request)


class SigningKeyTests(SynchronousTestCase):
    def test_it_is_derived_once(self) -> None:
        signing_key.cache_clear()
        for _ in range(3):
            accept(signed())
        self.assertEqual(signing_key.cache_info().misses, 1)
