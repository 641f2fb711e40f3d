"""
Conditions and ranges of requests for files.

Source: RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

from twisted_aigate.claudebox.files import OpenFile
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.ranges import is_unchanged, matches, read_moment, read_range
from twisted_aigate.web.request import Request


def is_current(request: Request, file: OpenFile) -> bool:
    """Whether the client has the file as it is: the answer is then a 304."""
    tags = request.joined_field(b"if-none-match")
    if tags is not None:
        return matches(tags, file.etag, weakly=True)
    since = read_moment(request.field(b"if-modified-since"))
    # HTTP dates have whole seconds.
    return since is not None and int(file.modified) <= since


def wanted_range(request: Request, file: OpenFile) -> tuple[int, int] | None:
    """
    Which bytes a request wants.

    @return: (start, size); C{None} for the whole file, also when the field is not valid, names
        several ranges, or the file has changed.
    @raise HTTPError: 416: there are no such bytes.
    """
    # HEAD has no ranges (RFC 9110, 14.2).
    wanted = read_range(request.field(b"range")) if request.method == b"GET" else None
    if wanted is None or not is_unchanged(request.field(b"if-range"), file.etag, file.modified):
        return None
    start, size = wanted.of(file.size)
    if size <= 0:
        whole = ((b"Content-Range", b"bytes */%d" % file.size),)
        raise HTTPError(416, f"The file has {file.size} bytes.", headers=whole)
    return start, size
