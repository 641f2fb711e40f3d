"""What the operations work with, and what they have in common."""

from __future__ import annotations

from attrs import frozen

from twisted_aigate.kernel.units import MB
from twisted_aigate.storage.access import may_read, owns
from twisted_aigate.storage.models import Bucket
from twisted_aigate.storage.registry import BucketRegistry
from twisted_aigate.storage.routes.bodies import whole_body
from twisted_aigate.storage.routes.caller import Caller, denied
from twisted_aigate.storage.routes.target import Target
from twisted_aigate.storage.routes.xml import CONTENT_TYPE, Content, document
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectStore
from twisted_aigate.storage.uploads import MultipartUploads
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request

_MOST_XML = 2 * MB
"""Bytes of an XML body: a completion names 10,000 parts."""


@frozen
class StorageAPI:
    """
    What storage consists of.

    @ivar prefix: The path that stands before buckets, without a slash at its end.
    """

    store: ObjectStore
    uploads: MultipartUploads
    buckets: BucketRegistry
    prefix: str


@frozen
class Operation:
    """
    An operation that a caller wants.

    @ivar api: What it works with.
    @ivar request: The request.
    @ivar caller: Who wants it.
    @ivar target: What it is about.
    """

    api: StorageAPI
    request: Request
    caller: Caller
    target: Target

    async def readable(self) -> Bucket:
        """
        The bucket, which the caller may read.

        @raise Exception: There is none, or it may not.
        """
        bucket = await self.api.buckets.find(self.target.bucket)
        if not may_read(self.caller.key, bucket):
            raise denied(self.caller)
        return bucket

    async def writable(self) -> Bucket:
        """
        The bucket, which the caller may write to.

        @raise Exception: There is none, or it may not.
        """
        bucket = await self.api.buckets.find(self.target.bucket)
        if not owns(self.caller.key, bucket):
            raise denied(self.caller)
        return bucket

    @property
    def owner(self) -> str:
        """The caller's name, as S3 shows it."""
        return self.caller.key.owner if self.caller.key is not None else "anonymous"

    async def xml_body(self, *, of_body: bool = True) -> bytes:
        """
        The request's body, of an operation whose body is XML.

        @param of_body: The checksums in its headers are the body's.
        @raise S3Error: It is too large, or not what was announced.
        """
        return await whole_body(self.request, self.caller, _MOST_XML, of_body=of_body)


def xml_reply(root: str, content: Content, status: int = 200, headers: Headers = ()) -> Reply:
    """Answer with an XML document."""
    return Reply(document(root, content), CONTENT_TYPE, status, headers)


def empty_reply(status: int, headers: Headers = ()) -> Reply:
    """Answer with no body."""
    return Reply(b"", b"", status, headers)


def not_offered(what: str) -> S3Error:
    """The refusal of what S3 has and this store not."""
    return S3Error(ErrorCode.NotImplemented, f"{what} is not implemented.")
