"""Media types found out."""

from __future__ import annotations

import mimetypes

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.storage.content_types import DEFAULT, SNIFFED, content_type, detect

_TEXT = "text/plain; charset=utf-8"
_KNOWN = (
    (b"\x89PNG\r\n\x1a\nrest", "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF89a....", "image/gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
    (b"%PDF-1.7", "application/pdf"),
    (b"PK\x03\x04....", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x00" * 257 + b"ustar\x00", "application/x-tar"),
    (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"<!DOCTYPE html><p>", "text/html"),
    (b"\xef\xbb\xbf \n<HTML>", "text/html"),
    (b"<svg xmlns='x'>", "image/svg+xml"),
    (b"<?xml version='1.0'?>", "text/xml"),
    (b'{"a": 1}', "application/json"),
    (b"[1, 2]", "application/json"),
    (b"hello", _TEXT),
    ("grüße".encode(), _TEXT),
    (b"", DEFAULT),
    (b"\x00\x01\x02", DEFAULT),
    (b"caf\xe9 au lait", DEFAULT),
)


class DetectTests(SynchronousTestCase):
    """By the first bytes."""

    def test_known(self) -> None:
        """What begins like this is that."""
        for beginning, expected in _KNOWN:
            self.assertEqual(detect(beginning), expected, beginning)

    def test_text_cut_in_a_character(self) -> None:
        """The last of what is looked at may be half a character; of a whole content it may not."""
        for cut in (1, 2, 3):
            beginning = b"x" * (SNIFFED - cut) + "😀".encode()[:cut]
            self.assertEqual(detect(beginning), _TEXT, cut)
        self.assertEqual(detect(b"x" + "😀".encode()[:2]), DEFAULT)

    def test_words_are_no_signature(self) -> None:
        """Texts that begin with the letters of a binary format are texts."""
        for text in (
            b"BMI,height,weight\n1,2,3\n",
            b"BM25 is a ranking function",
            b"ID3 explained",
        ):
            self.assertEqual(detect(text), _TEXT, text)

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.binary(max_size=SNIFFED))
    def test_anything(self, beginning: bytes) -> None:
        """Every content has a type that a header can carry."""
        self.assertRegex(detect(beginning), r"^[a-z0-9.+-]+/[a-z0-9.+-]+(; charset=utf-8)?$")


class ContentTypeTests(SynchronousTestCase):
    """The client's word, the content, the key."""

    def setUp(self) -> None:
        # Python's own table, whatever the machine has in /etc.
        self.addCleanup(mimetypes.init)
        mimetypes.init(files=())

    def test_client_first(self) -> None:
        """What the client says is kept as it is."""
        self.assertEqual(content_type("x/y", "a.png", "image/png"), "x/y")

    def test_content_before_key(self) -> None:
        """A known content is what it is, whatever its name."""
        self.assertEqual(content_type(None, "a.txt", "image/png"), "image/png")
        self.assertEqual(content_type("", "a.txt", "image/png"), "image/png")

    def test_key_where_the_content_says_little(self) -> None:
        """Texts, containers and unknown contents are what their names say."""
        office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        for key, detected, expected in (
            ("a.css", _TEXT, "text/css"),
            ("dir.d/page.html", _TEXT, "text/html"),
            ("a.webmanifest", "application/json", "application/manifest+json"),
            ("a.docx", "application/zip", office),
            ("a.zip", "application/zip", "application/zip"),
            ("README", _TEXT, _TEXT),
            ("a.unknown", DEFAULT, DEFAULT),
            ("a.tar.gz", "application/gzip", "application/gzip"),
            ("a.txt.gz", DEFAULT, DEFAULT),
        ):
            self.assertEqual(content_type(None, key, detected), expected, key)

    def test_svg_with_a_declaration(self) -> None:
        """XML is what its name says: an SVG of type text/xml is shown by no page."""
        detected = detect(b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')
        self.assertEqual(content_type(None, "a.svg", detected), "image/svg+xml")
