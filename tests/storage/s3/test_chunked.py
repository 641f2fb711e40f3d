"""Bodies in the aws-chunked framing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.chunks import Signer
from tests.storage.s3.test_signature_examples import NOW, SECRET, example
from tests.storage.s3.wire import parsed, signed, with_header
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.chunk_signatures import ChunkSignatures
from twisted_aigate.storage.s3.chunked import AwsChunkedDecoder, decoder_for
from twisted_aigate.storage.s3.credential import Credential
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.s3.signature import verify

_CREDENTIAL = parsed(signed("PUT"))
_CHUNKS = (b"first chunk", b"2", b"the third\r\n0\r\n\r\n")
_DATA = b"".join(_CHUNKS)
_TRAILERS = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-meta-z": "a"}


def _decoder(
    trailers: Iterable[str] | None = None,
    length: int | None = len(_DATA),
    credential: Credential | None = _CREDENTIAL,
) -> AwsChunkedDecoder:
    signatures = ChunkSignatures(credential, SECRET) if credential else None
    return AwsChunkedDecoder(length, signatures, trailers)


def _body(trailers: dict[str, str] | None = None) -> bytes:
    return Signer(_CREDENTIAL, SECRET).body(_CHUNKS, trailers)


def _decode(decoder: AwsChunkedDecoder, *parts: bytes) -> bytes:
    data = b"".join(piece for part in parts for piece in decoder.feed(part))
    decoder.finish()
    return data


class _Case(SynchronousTestCase):
    def refuse(self, code: str, decoder: AwsChunkedDecoder, *parts: bytes) -> None:
        error = self.assertRaises(S3Error, _decode, decoder, *parts)
        self.assertEqual(error.code, code, error.message)


class ExampleTests(SynchronousTestCase):
    """
    The published example: 66,560 letters C{a} in chunks of 64 KiB and 1 KiB.

    @see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html}
    @see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html}
    """

    def decode(self, request: SignedRequest, body: bytes) -> AwsChunkedDecoder:
        credential = parsed(request)
        verify(request, credential, SECRET, NOW)
        decoder = decoder_for(request, credential, SECRET)
        assert decoder is not None
        self.assertEqual(_decode(decoder, body), b"a" * 66560)
        return decoder

    def body(self, *signatures: bytes) -> bytes:
        sizes = (65536, 1024, 0)
        out = b""
        for size, signature in zip(sizes, signatures, strict=True):
            out += b"%x;chunk-signature=%s\r\n" % (size, signature)
            out += b"a" * size + b"\r\n" * bool(size)
        return out

    def test_chunks(self) -> None:
        request = example(
            "PUT",
            b"/examplebucket/chunkObject.txt",
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            [
                (b"content-encoding", b"aws-chunked"),
                (b"content-length", b"66824"),
                (b"x-amz-decoded-content-length", b"66560"),
                (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
            ],
            payload=b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            host=b"s3.amazonaws.com",
        )
        body = self.body(
            b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        )
        self.assertEqual(len(body) + 2, 66824)
        self.decode(request, body + b"\r\n")

    def test_trailer(self) -> None:
        request = example(
            "PUT",
            b"/examplebucket/chunkObject.txt",
            "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
            "x-amz-storage-class;x-amz-trailer",
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
            [
                (b"content-encoding", b"aws-chunked"),
                (b"x-amz-decoded-content-length", b"66560"),
                (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
                (b"x-amz-trailer", b"x-amz-checksum-crc32c"),
            ],
            payload=b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            host=b"s3.amazonaws.com",
        )
        body = self.body(
            b"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            b"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            b"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        )
        decoder = self.decode(
            request,
            body + b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
            b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
        )
        self.assertEqual(decoder.trailers, {"x-amz-checksum-crc32c": "sOO8/Q=="})


class SplitTests(SynchronousTestCase):
    @given(st.lists(st.integers(0, 600), max_size=40), st.booleans())
    @settings(max_examples=200, deadline=None)
    def test_any_splits(self, cuts: list[int], trailing: bool) -> None:
        trailers = _TRAILERS if trailing else None
        body = _body(trailers)
        places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
        parts = [body[start:end] for start, end in pairwise(places)]
        decoder = _decoder(trailers)
        self.assertEqual(_decode(decoder, *parts), _DATA)
        self.assertEqual(decoder.trailers, trailers or {})
        self.assertEqual(decoder.received, len(_DATA))

    def test_byte_by_byte(self) -> None:
        body = _body(_TRAILERS)
        parts = [body[place : place + 1] for place in range(len(body))]
        self.assertEqual(_decode(_decoder(_TRAILERS), *parts), _DATA)

    @given(st.lists(st.binary(min_size=1, max_size=300), max_size=8))
    @settings(max_examples=100, deadline=None)
    def test_any_chunks(self, chunks: list[bytes]) -> None:
        body = Signer(_CREDENTIAL, SECRET).body(chunks)
        data = b"".join(chunks)
        self.assertEqual(_decode(_decoder(length=len(data)), body), data)
        self.assertEqual(_decode(_decoder(length=None), body), data)

    def test_data_within_a_chunk_is_not_copied(self) -> None:
        decoder = _decoder(credential=None, length=None)
        decoder.feed(b"10\r\n")
        data = b"x" * 8
        self.assertIs(decoder.feed(data)[0], data)


class CorruptedTests(_Case):
    def test_any_byte_of_a_signed_body(self) -> None:
        body = _body()
        for place in range(len(body)):
            for bit in (1, 2, 4, 8, 16, 32, 64, 128):
                changed = bytearray(body)
                changed[place] ^= bit
                # The only byte that may change without a change of meaning: b against B.
                if body[place : place + 2] == b"b;" and bit == 32:
                    continue
                self.assertRaises(S3Error, _decode, _decoder(), bytes(changed))

    def test_any_byte_of_a_signed_body_with_a_trailer(self) -> None:
        """Nothing gets through changed; clients' own ways of ending a trailer's lines do."""
        body = _body(_TRAILERS)
        trailer = body.index(b"x-amz-checksum")
        for place in range(len(body)):
            for bit in (1, 2, 4, 8, 16, 32, 64, 128):
                changed = bytearray(body)
                changed[place] ^= bit
                decoder = _decoder(_TRAILERS)
                try:
                    data = _decode(decoder, bytes(changed))
                except S3Error:
                    continue
                self.assertEqual((data, decoder.trailers), (_DATA, _TRAILERS))
                self.assertTrue(place >= trailer or body[place : place + 2] == b"b;", place)

    def test_any_truncation(self) -> None:
        body = _body()
        for end in range(len(body)):
            self.refuse("IncompleteBody", _decoder(), body[:end])
        body = _body(_TRAILERS)
        for end in range(len(body) - 2):
            self.assertRaises(S3Error, _decode, _decoder(_TRAILERS), body[:end])

    def test_anything_behind(self) -> None:
        for more in (b"\r\n", b"x\r\n", b"x" * 2000, b"0\r\n\r\n"):
            self.refuse("InvalidRequest", _decoder(), _body(), more)
        for more in (b"x", b"\r"):
            self.refuse("IncompleteBody", _decoder(), _body(), more)
        self.refuse("MalformedTrailerError", _decoder(_TRAILERS), _body(_TRAILERS), b"a:b\r\n")

    def test_chunks_out_of_order_repeated_or_left_out(self) -> None:
        signer = Signer(_CREDENTIAL, SECRET)
        one, two, end = (signer.chunk(data) + data + b"\r\n" for data in (b"a", b"b", b""))
        for parts in ((two, one, end), (one, one, two, end), (one, end), (two, end), (end,)):
            self.refuse("SignatureDoesNotMatch", _decoder(length=None), *parts)
        self.assertEqual(_decode(_decoder(length=2), one, two, end), b"ab")

    def test_another_seed_secret_date_or_region(self) -> None:
        for credential in (
            evolve(_CREDENTIAL, signature=b"0" * 64),
            evolve(_CREDENTIAL, region="us-west-2"),
            evolve(_CREDENTIAL, timestamp=_CREDENTIAL.timestamp[:-2] + "9Z", date="20000101"),
        ):
            self.refuse("SignatureDoesNotMatch", _decoder(credential=credential), _body())
        decoder = AwsChunkedDecoder(None, ChunkSignatures(_CREDENTIAL, "other"), None)
        self.refuse("SignatureDoesNotMatch", decoder, _body())

    def test_signatures_that_are_missing_or_in_the_way(self) -> None:
        self.refuse("InvalidRequest", _decoder(), b"1\r\na\r\n0\r\n\r\n")
        self.refuse("InvalidRequest", _decoder(credential=None), _body())

    def test_the_error_stays(self) -> None:
        decoder = _decoder(credential=None, length=None)
        self.assertRaises(S3Error, decoder.feed, b"x\r\n")
        self.assertRaises(S3Error, decoder.feed, b"0\r\n\r\n")
        self.assertRaises(S3Error, decoder.finish)


class FramingTests(_Case):
    def unsigned(
        self, length: int | None = None, trailers: Iterable[str] = ()
    ) -> AwsChunkedDecoder:
        return _decoder(trailers, length, credential=None)

    def test_the_announced_length(self) -> None:
        body = b"2\r\nab\r\n0\r\n\r\n"
        self.assertEqual(_decode(self.unsigned(2), body), b"ab")
        for length in (0, 1, 3):
            self.refuse("IncompleteBody", self.unsigned(length), body)

    def test_too_much_is_refused_before_it_comes(self) -> None:
        self.refuse("IncompleteBody", self.unsigned(100), b"ffffffffffffffff\r\n")

    def test_sizes(self) -> None:
        for line in (b"", b"-1", b"+1", b" 1", b"1 ", b"0x1", b"g", b"1;a=b", b"1" * 17, b"1_0"):
            self.refuse("InvalidRequest", self.unsigned(), line + b"\r\nab\r\n0\r\n\r\n")
        self.refuse("InvalidRequest", self.unsigned(), b"2\nab\r\n0\r\n\r\n")
        self.assertEqual(_decode(self.unsigned(), b"0A\r\n0123456789\r\n0\r\n\r\n"), b"0123456789")

    def test_long_lines_are_not_waited_for(self) -> None:
        self.refuse("InvalidRequest", self.unsigned(), b"1" * 1025)
        self.refuse("InvalidRequest", self.unsigned(), *[b"1" * 10] * 103)
        self.refuse("InvalidRequest", self.unsigned(), b"1\r\na" + b"x" * 2000)

    def test_long_trailers_are_not_kept(self) -> None:
        line = b"x-amz-meta-%d:" + b"v" * 900 + b"\r\n"
        lines = [line % number for number in range(10)]
        self.refuse("MalformedTrailerError", self.unsigned(), b"0\r\n", *lines)
        self.refuse("MalformedTrailerError", self.unsigned(), b"0\r\n", b"\r\n" * 5000)

    def test_trailers_must_be_those_announced(self) -> None:
        for trailers, text in (
            (("a", "b"), b"a:1\r\n\r\n"),
            ((), b"a:1\r\n\r\n"),
            (("a",), b"\r\n"),
            (("a",), b"a:1\r\na:2\r\n\r\n"),
            (("a",), b"a\r\n\r\n"),
            (("a",), b"a b:1\r\n\r\n"),
            (("a",), b":1\r\n\r\n"),
            (("a",), b"a:1\r\nx-amz-trailer-signature:0\r\n\r\n"),
        ):
            self.refuse("MalformedTrailerError", self.unsigned(trailers=trailers), b"0\r\n" + text)

    def test_the_trailers_signature_must_be_there(self) -> None:
        body = _body(_TRAILERS)
        start = body.index(b"x-amz-trailer-signature")
        self.refuse("MalformedTrailerError", _decoder(_TRAILERS), body[:start] + b"\r\n")
        self.refuse(
            "SignatureDoesNotMatch",
            _decoder(_TRAILERS),
            body[:start],
            b"x-amz-trailer-signature:" + b"0" * 64,
            b"\r\n\r\n",
        )

    def test_how_clients_end_a_trailer(self) -> None:
        """As minio-go does, with LF and empty lines; or with no empty line at all."""
        for text in (b"A: 1\n\r\n\r\n", b"a:1\r\n\r\n", b"a:1\r\n", b"\r\na:1\r\n\r\n"):
            decoder = self.unsigned(trailers=("a",))
            self.assertEqual(_decode(decoder, b"1\r\nx\r\n0\r\n" + text), b"x")
            self.assertEqual(decoder.trailers, {"a": "1"})
        body = _body(_TRAILERS)
        start = body.index(b"x-amz-trailer-signature")
        loose = body[:start].replace(b"==\r\n", b"==\n") + b"\r\n" + body[start:]
        self.assertEqual(_decode(_decoder(_TRAILERS), loose), _DATA)


class DecoderForTests(_Case):
    def test_bodies_that_are_not_framed(self) -> None:
        request = signed("PUT")
        self.assertIsNone(decoder_for(request, parsed(request), SECRET))
        self.assertIsNone(decoder_for(request, None, ""))
        bare = with_header(request, b"x-amz-content-sha256", None)
        self.assertIsNone(decoder_for(bare, None, ""))

    def test_a_plain_callers_framed_body(self) -> None:
        request = with_header(
            signed(headers={"X-Amz-Trailer": "X-Amz-Checksum-Crc32 , a"}),
            b"x-amz-content-sha256",
            b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        )
        decoder = decoder_for(request, None, "")
        assert decoder is not None
        decoder.feed(b"1\r\nx\r\n0\r\nx-amz-checksum-crc32:A\r\na:b\r\n\r\n")
        decoder.finish()
        for literal in (b"", b"-TRAILER"):
            value = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + literal
            changed = with_header(request, b"x-amz-content-sha256", value)
            error = self.assertRaises(S3Error, decoder_for, changed, None, "")
            self.assertEqual(error.code, "InvalidRequest")

    def test_lengths_that_cannot_be(self) -> None:
        credential = parsed(
            with_header(signed(), b"x-amz-content-sha256", b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        )
        for value in (b"", b"-1", b"1.5", b"x", b"9" * 19):
            request = with_header(signed(), b"x-amz-decoded-content-length", value)
            error = self.assertRaises(S3Error, decoder_for, request, credential, SECRET)
            self.assertEqual(error.code, "InvalidArgument")
