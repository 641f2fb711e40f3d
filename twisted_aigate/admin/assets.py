"""The page's files, read and packed once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOLDER = Path(__file__).parent / "static"


@frozen
class Asset:
    """
    A file.

    @ivar packed: Its bytes in gzip.
    @ivar etag: A hash of its bytes, with quotes around it (RFC 9110, 8.8.3).
    """

    body: bytes
    packed: bytes
    content_type: bytes
    etag: bytes


def load_assets() -> Mapping[str, Asset]:
    """
    All files, by their paths.

    To be called before anything is served: it reads and packs them at once.
    """
    return {
        path.relative_to(_FOLDER).as_posix(): _asset(path)
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    etag = hashlib.sha256(body).hexdigest()[:32]
    content_type = _TYPES[path.suffix].encode("ascii")
    return Asset(body, gzip.compress(body, mtime=0), content_type, b'"%b"' % etag.encode("ascii"))
