"""Files of workspaces over HTTP."""

from __future__ import annotations

from email.utils import formatdate
from typing import TypeVar

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.files import Files, IsADirectory, OpenFile
from twisted_aigate.claudebox.paths import normalised
from twisted_aigate.claudebox.routes.conditions import is_current, wanted_range
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.body import too_large
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_Caller = TypeVar("_Caller")
_ABSOLUTE = "/files/<string(length=0):root>/<path:path>"
"""Absolute paths, to which C{<path:path>} would be 404: it begins with no slash."""

_SCRIPTABLE = frozenset(("text/html", "text/xml", "text/xsl", "application/xml"))


class FileRoutes:
    """
    C{/files} over L{Files}.

    @param max_body: The most bytes of a file that is uploaded; 0: no limit.
    """

    def __init__(self, files: Files, max_body: int) -> None:
        self._files = files
        self._max_body = max_body

    def add_to(self, router: Router, authorise: Authorise[_Caller]) -> None:
        """
        Add the routes.

        @param authorise: Says who calls.
        """
        router.add("GET", "/files", self._list_root, authorise)
        # Paths are decoded when they come here, an encoded slash or .. like any other.
        router.add("GET", "/files/<path:path>", self._get, authorise)
        router.add("PUT", "/files/<path:path>", self._put, authorise)
        router.add("DELETE", "/files/<path:path>", self._delete, authorise)
        for method in ("GET", "PUT", "DELETE"):
            router.add(method, _ABSOLUTE, self._refuse_absolute, authorise)

    async def _refuse_absolute(
        self, request: Request, caller: _Caller, root: str, path: str
    ) -> Reply:
        raise ClaudeboxError(400, "The path must be relative.")

    async def _list_root(self, request: Request, caller: _Caller) -> Reply:
        return json_reply(await self._files.list(""))

    async def _get(self, request: Request, caller: _Caller, path: str) -> Reply:
        try:
            file = await self._files.open(path)
        except IsADirectory:
            return json_reply(await self._files.list(path))
        try:
            reply = _reply(request, file)
        except BaseException:
            file.close()
            raise
        if isinstance(reply.body, bytes):
            file.close()
        return reply

    async def _put(self, request: Request, caller: _Caller, path: str) -> Reply:
        path, body, limit = normalised(path), request.body, self._max_body
        if limit and (body.length or 0) > limit:
            # Before any directory is made for it.
            raise too_large(limit)
        size = await self._files.write(path, lambda consumer: body.deliver(consumer, limit))
        return json_reply({"status": "ok", "path": path, "size": size})

    async def _delete(self, request: Request, caller: _Caller, path: str) -> Reply:
        path = normalised(path)
        await self._files.delete(path)
        return json_reply({"status": "ok", "path": path})


def _reply(request: Request, file: OpenFile) -> Reply:
    fields: Headers = (
        (b"ETag", f'"{file.etag}"'.encode("ascii")),
        (b"Last-Modified", formatdate(int(file.modified), usegmt=True).encode("ascii")),
    )
    if is_current(request, file):
        return Reply(b"", b"", 304, fields)
    fields = (*fields, (b"Accept-Ranges", b"bytes"))
    kind = file.content_type.lower()
    if kind in _SCRIPTABLE or kind.endswith("+xml"):
        # It is served from our origin and must not be able to script it.
        fields = (
            *fields,
            (b"Content-Security-Policy", b"sandbox"),
            (b"Content-Disposition", b"attachment"),
        )
    media_type = file.content_type.encode("ascii")
    part = wanted_range(request, file)
    if request.method == b"HEAD":
        return Reply(b"", media_type, 200, fields, head_length=file.size)
    if part is None:
        return Reply(file.body(0, file.size), media_type, 200, fields)
    start, size = part
    span = b"bytes %d-%d/%d" % (start, start + size - 1, file.size)
    return Reply(file.body(start, size), media_type, 206, (*fields, (b"Content-Range", span)))
