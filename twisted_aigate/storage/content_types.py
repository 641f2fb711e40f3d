"""The media type of content whose client did not name one: by its first bytes, then by its key."""

from __future__ import annotations

import mimetypes

DEFAULT = "application/octet-stream"
SNIFFED = 512
"""Bytes that are looked at."""

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (257, b"ustar", "application/x-tar"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3\x02", "audio/mpeg"),
    (0, b"ID3\x03", "audio/mpeg"),
    (0, b"ID3\x04", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"{\\rtf", "application/rtf"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_MARKUP = ((b"<?xml", "text/xml"), (b"<!doctype html", "text/html"), (b"<html", "text/html"),
           (b"<svg", "image/svg+xml"))  # fmt: skip


def detect(beginning: bytes) -> str:
    """
    The media type that content looks like.

    @param beginning: Its first L{SNIFFED} bytes.
    @return: L{DEFAULT} when it looks like nothing known.
    """
    for offset, signature, media_type in _SIGNATURES:
        if beginning.startswith(signature, offset):
            return media_type
    if beginning.startswith(b"RIFF") and beginning[8:12] in _RIFF:
        return _RIFF[beginning[8:12]]
    if beginning.startswith(b"BM") and beginning[6:10] == bytes(4):
        # Two letters are too few, and these four bytes are reserved.
        return "image/bmp"
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n")
    lowered = text[:16].lower()
    for start, media_type in _MARKUP:
        if lowered.startswith(start):
            svg = media_type == "text/xml" and b"<svg" in beginning
            return "image/svg+xml" if svg else media_type
    if not text or b"\x00" in beginning:
        return DEFAULT
    try:
        # The last character may be cut in the middle.
        beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(beginning) - 4 or len(beginning) < SNIFFED:
            return DEFAULT
    if text[:1] in (b"{", b"["):
        return "application/json"
    return "text/plain; charset=utf-8"


def content_type(given: str | None, key: str, detected: str) -> str:
    """
    The media type to store.

    @param given: What the client said.
    @param key: The object's key; its ending speaks where the content is but text or unknown.
    @param detected: What L{detect} says.
    """
    if given:
        return given
    guessed, encoding = mimetypes.guess_type(f"./{key}", strict=False)
    unsure = detected == DEFAULT or detected.startswith(("text/plain", "application/json"))
    if guessed and encoding is None and (unsure or detected == "application/zip"):
        return guessed
    return detected
