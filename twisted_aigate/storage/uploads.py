"""Multipart uploads: parts come in any order and in parallel, and become one object at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from attrs import evolve, frozen
from sqlalchemy import Connection

from twisted_aigate.kernel.units import DAY, MB
from twisted_aigate.storage.content_types import SNIFFED, content_type, detect
from twisted_aigate.storage.intake import ByteSource, Taken, too_large
from twisted_aigate.storage.metadata import objects, uploads
from twisted_aigate.storage.models import (
    BlobRef,
    Bucket,
    Checksum,
    Part,
    StoredObject,
    Upload,
    UploadListing,
)
from twisted_aigate.storage.reading import Condition, no_condition
from twisted_aigate.storage.s3.checksums import (
    Algorithm,
    algorithm_named,
    multipart_checksum,
    multipart_etag,
)
from twisted_aigate.storage.s3.chunked import AwsChunkedDecoder
from twisted_aigate.storage.s3.digester import Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders, ObjectStore, still_there

MOST_PARTS = 10_000
LEAST_PART = 5 * MB
"""Bytes that every part but the last has at the least, as S3 has it."""

STALE = 7 * DAY
"""After this an upload that was neither completed nor aborted is aborted."""


@frozen
class NamedPart:
    """
    A part as the client names it when it completes an upload.

    @ivar etag: Without quotes.
    @ivar checksum: Its additional checksum, if the client repeats it.
    """

    number: int
    etag: str
    checksum: str | None = None


def no_such_upload(upload_id: str) -> S3Error:
    """There is no such upload, or none any more."""
    return S3Error(ErrorCode.NoSuchUpload, extra={"UploadId": upload_id})


class MultipartUploads:
    """
    The uploads that are under way.

    @param store: Where their parts and objects are.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def create(
        self,
        bucket: Bucket,
        key: str,
        owner: str,
        given: ObjectHeaders,
        algorithm: str | None,
        checksum_type: str | None,
    ) -> Upload:
        """
        Begin an upload.

        @param owner: Who begins it.
        @param given: What the object will have beside its bytes.
        @param algorithm: The additional checksum that its parts will have, if any.
        @param checksum_type: What its own will be made of.
        """
        now = self._store.now()
        upload = Upload(
            # Uploads of one key are listed in the order of their ids, and S3 wants that of time.
            id=f"{int(now * 1000):012x}{secrets.token_urlsafe(24)}",
            bucket=bucket.name,
            key=key,
            owner=owner,
            initiated_at=now,
            # Empty: it is found out when its first bytes are known.
            content_type=given.content_type or "",
            headers=given.headers,
            metadata=given.metadata,
            tags=given.tags,
            checksum_algorithm=algorithm,
            checksum_type=checksum_type,
        )

        def change(connection: Connection) -> None:
            still_there(connection, bucket)
            uploads.create(connection, upload)

        await self._store.database.write(change)
        return upload

    async def find(self, bucket: Bucket, key: str, upload_id: str) -> Upload:
        """
        An upload.

        @raise S3Error: C{NoSuchUpload}.
        """
        found = await self._store.database.read(
            lambda connection: uploads.get(connection, upload_id, bucket.name, key)
        )
        if found is None:
            raise no_such_upload(upload_id)
        return found

    async def put_part(
        self,
        bucket: Bucket,
        upload: Upload,
        number: int,
        source: ByteSource,
        digester: Digester,
        decoder: AwsChunkedDecoder | None = None,
        length: int | None = None,
    ) -> Part:
        """
        Take a part in; one of the same number before it is replaced.

        @param number: 1 to L{MOST_PARTS}.
        @param length: Its bytes, if that is known before.
        @raise S3Error: It is refused, the upload is over, or its parts are over the bucket's
            limit with this one.
        """
        limit = bucket.max_file_size
        room = await self._room(upload, number, limit) if limit else 0
        if limit and (length or 0) > room:
            raise too_large(limit)
        # 0 would be no limit; one byte too many is refused in the end.
        roomy = evolve(bucket, max_file_size=max(room, 1) if limit else 0)

        def adding(taken: Taken, blob: BlobRef) -> Callable[[Connection], Part]:
            part = Part(number, blob, taken.md5, self._store.now(), taken.checksum)

            def change(connection: Connection) -> Part:
                # Other parts may have come meanwhile.
                if limit and part.blob.size > limit - uploads.size_beside(
                    connection, upload.id, number
                ):
                    raise too_large(limit)
                if not uploads.put_part(connection, upload.id, part):
                    raise no_such_upload(upload.id)
                return part

            return change

        try:
            return await self._store.put_blob(roomy, source, digester, decoder, adding)
        except S3Error as error:
            if error.code == ErrorCode.EntityTooLarge.name:
                raise too_large(limit) from None
            raise

    async def _room(self, upload: Upload, number: int, limit: int) -> int:
        return limit - await self._store.database.read(
            lambda connection: uploads.size_beside(connection, upload.id, number)
        )

    async def list_parts(self, upload: Upload, after: int, limit: int) -> list[Part]:
        """The parts that there are with numbers over C{after}, in order."""
        return await self._store.database.read(
            lambda connection: uploads.list_parts(connection, upload.id, after, limit)
        )

    async def list_page(
        self, bucket: Bucket, prefix: str, delimiter: str, markers: tuple[str, str], limit: int
    ) -> UploadListing:
        """A page of the uploads of a bucket; see L{uploads.list_page}."""
        return await self._store.database.read(
            lambda connection: uploads.list_page(
                connection, bucket.name, prefix, delimiter, *markers, limit
            )
        )

    async def complete(
        self,
        bucket: Bucket,
        upload: Upload,
        named: Sequence[NamedPart],
        expected: tuple[Algorithm, str] | None = None,
        condition: Condition = no_condition,
    ) -> StoredObject:
        """
        Make the object out of the parts that the client names.

        @param expected: The additional checksum that the whole must have, if the client says.
        @raise S3Error: A part is not there, not in order or too small, the whole is over the
            bucket's limit, or what is there is not as C{condition} asks for.
        """
        media_type = upload.content_type or await self._find_type(upload, named)

        def change(connection: Connection) -> StoredObject:
            if uploads.get(connection, upload.id, bucket.name, upload.key) is None:
                raise no_such_upload(upload.id)
            there = {
                part.number: part
                for part in uploads.list_parts(connection, upload.id, 0, MOST_PARTS)
            }
            parts = _chosen(there, named)
            now = self._store.now()
            stored = _assembled(bucket, evolve(upload, content_type=media_type), parts, now)
            _check(stored, expected)
            still_there(connection, bucket)
            condition(objects.get(connection, bucket.name, upload.key, now))
            kept = {part.blob.id for part in parts}
            if not uploads.complete(connection, upload.id, stored, kept):
                raise no_such_upload(upload.id)
            return stored

        async def work() -> StoredObject:
            return await self._store.database.write(change)

        return await self._store.locked((bucket.name, upload.key), work)

    async def _find_type(self, upload: Upload, named: Sequence[NamedPart]) -> str:
        number = named[0].number if named else 0
        parts = await self.list_parts(upload, number - 1, 1)
        if not parts or parts[0].number != number:
            # It is refused for that in a moment.
            return content_type(None, upload.key, detect(b""))
        beginning = await self._store.reading_threads.run(self._beginning, parts[0])
        return content_type(None, upload.key, detect(beginning))

    def _beginning(self, part: Part) -> bytes:
        reader = self._store.blobs.open(part.blob)
        try:
            return reader.read(SNIFFED)
        finally:
            reader.close()

    async def abort(self, upload: Upload) -> None:
        """
        Give an upload up.

        @raise S3Error: It is over already.
        """
        aborted = await self._store.database.write(
            lambda connection: uploads.abort(connection, upload.id)
        )
        if not aborted:
            raise no_such_upload(upload.id)


def _chosen(there: dict[int, Part], named: Sequence[NamedPart]) -> list[Part]:
    if not named:
        raise S3Error(ErrorCode.MalformedXML, "At least one part must be named.")
    numbers = [part.number for part in named]
    if numbers != sorted(set(numbers)):
        raise S3Error(ErrorCode.InvalidPartOrder)
    chosen = []
    for wanted in named:
        part = there.get(wanted.number)
        if part is None or part.etag != wanted.etag:
            raise S3Error(ErrorCode.InvalidPart, extra={"PartNumber": str(wanted.number)})
        known = part.checksum.value if part.checksum is not None else None
        if wanted.checksum is not None and wanted.checksum != known:
            raise S3Error(ErrorCode.InvalidPart, extra={"PartNumber": str(wanted.number)})
        chosen.append(part)
    for part in chosen[:-1]:
        if part.blob.size < LEAST_PART:
            raise S3Error(
                ErrorCode.EntityTooSmall,
                extra={
                    "ProposedSize": str(part.blob.size),
                    "MinSizeAllowed": str(LEAST_PART),
                    "PartNumber": str(part.number),
                },
            )
    return chosen


def _assembled(bucket: Bucket, upload: Upload, parts: Sequence[Part], now: float) -> StoredObject:
    size = sum(part.blob.size for part in parts)
    if bucket.max_file_size and size > bucket.max_file_size:
        raise too_large(bucket.max_file_size)
    return StoredObject(
        bucket=bucket.name,
        key=upload.key,
        blobs=tuple(part.blob for part in parts),
        size=size,
        etag=multipart_etag([part.etag for part in parts]),
        content_type=upload.content_type,
        uploaded_at=now,
        expires_at=now + bucket.ttl if bucket.ttl else None,
        headers=upload.headers,
        metadata=upload.metadata,
        checksum=_checksum(upload, parts),
        tags=upload.tags,
        part_sizes=tuple(part.blob.size for part in parts),
    )


def _check(stored: StoredObject, expected: tuple[Algorithm, str] | None) -> None:
    if expected is None:
        return
    algorithm, value = expected
    if stored.checksum is None:
        raise S3Error(
            ErrorCode.InvalidRequest, f"The upload's parts have no {algorithm} checksums."
        )
    if stored.checksum.algorithm != algorithm.value or stored.checksum.value != value:
        raise S3Error(
            ErrorCode.BadDigest, f"The {algorithm} you specified did not match the object's."
        )


def _checksum(upload: Upload, parts: Sequence[Part]) -> Checksum | None:
    if upload.checksum_algorithm is None or upload.checksum_type is None:
        return None
    algorithm: Algorithm = algorithm_named(upload.checksum_algorithm)
    sums = [
        (part.checksum.value, part.blob.size)
        for part in parts
        if part.checksum is not None and part.checksum.algorithm == algorithm.value
    ]
    if len(sums) != len(parts):
        # A part came without it: then the whole has none, rather than a wrong one.
        return None
    return multipart_checksum(algorithm, upload.checksum_type, sums)
