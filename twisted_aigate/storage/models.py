"""What storage keeps, as values: no HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, field, frozen

MAX_KEY_BYTES = 1024
"""UTF-8 bytes of a key, as S3 has it."""


@frozen
class BlobRef:
    """
    Bytes in the blob store.

    @ivar id: Their content-free name.
    @ivar size: How many bytes.
    """

    id: str
    size: int


@frozen
class Checksum:
    """
    A checksum of S3's "additional checksums".

    @ivar algorithm: C{CRC32}, C{CRC32C}, C{CRC64NVME}, C{SHA1} or C{SHA256}.
    @ivar value: Base64; for a composite one, of the parts' checksums, with C{-N} behind it.
    @ivar type: C{FULL_OBJECT} or C{COMPOSITE}.
    """

    algorithm: str
    value: str
    type: str = "FULL_OBJECT"


@frozen
class StoredObject:
    """
    An object as it is stored.

    @ivar blobs: Where its bytes are, in order; more than one after a multipart upload, none for a
        small object.
    @ivar size: Bytes in all.
    @ivar etag: Without quotes: MD5 in hex, or C{md5-N} after a multipart upload of N parts.
    @ivar content_type: The media type.
    @ivar headers: C{cache-control}, C{content-disposition}, C{content-encoding},
        C{content-language} and C{expires}, those that were given.
    @ivar metadata: The C{x-amz-meta-*} fields, names without that prefix, lower case.
    @ivar checksum: The additional checksum, if the client sent one.
    @ivar tags: Tag to value.
    @ivar part_sizes: The parts' sizes after a multipart upload; empty otherwise.
    @ivar uploaded_at: Seconds since the epoch.
    @ivar expires_at: Seconds since the epoch; C{None}: never.
    @ivar content: The bytes of a small object; C{None}: they are in its blobs.
    """

    bucket: str
    key: str
    blobs: tuple[BlobRef, ...]
    size: int
    etag: str
    content_type: str
    uploaded_at: float
    expires_at: float | None = None
    headers: Mapping[str, str] = Factory(dict)
    metadata: Mapping[str, str] = Factory(dict)
    checksum: Checksum | None = None
    tags: Mapping[str, str] = Factory(dict)
    part_sizes: tuple[int, ...] = ()
    content: bytes | None = field(default=None, repr=False)


@frozen
class Upload:
    """
    A multipart upload that is under way.

    @ivar id: Its id, as the client has it.
    @ivar owner: The name of the principal that began it.
    @ivar initiated_at: Seconds since the epoch.
    @ivar checksum_algorithm: The additional checksum that it was created with, if any.
    @ivar checksum_type: C{FULL_OBJECT} or C{COMPOSITE}, when there is an algorithm.
    """

    id: str
    bucket: str
    key: str
    owner: str
    initiated_at: float
    content_type: str
    headers: Mapping[str, str] = Factory(dict)
    metadata: Mapping[str, str] = Factory(dict)
    tags: Mapping[str, str] = Factory(dict)
    checksum_algorithm: str | None = None
    checksum_type: str | None = None


@frozen
class Part:
    """
    A part of a multipart upload.

    @ivar number: 1 to 10,000.
    @ivar etag: MD5 in hex, without quotes.
    @ivar uploaded_at: Seconds since the epoch.
    """

    number: int
    blob: BlobRef
    etag: str
    uploaded_at: float
    checksum: Checksum | None = None


@frozen
class Listing:
    """
    A page of a list of keys, or of uploads.

    @ivar prefixes: The common prefixes up to the delimiter.
    @ivar next_key: Where the next page starts: the last key or common prefix of this one; C{None}
        when this is the last page.
    """

    objects: tuple[StoredObject, ...]
    prefixes: tuple[str, ...]
    next_key: str | None


@frozen
class UploadListing:
    """
    A page of a list of multipart uploads.

    @ivar prefixes: The common prefixes up to the delimiter.
    @ivar next_key: Where the next page starts: the key of the last upload of this one, or its last
        common prefix; C{None} when this is the last page.
    @ivar next_upload_id: The id of the last upload, when C{next_key} is its key; otherwise empty.
    """

    uploads: tuple[Upload, ...]
    prefixes: tuple[str, ...]
    next_key: str | None
    next_upload_id: str


@frozen
class Bucket:
    """
    A bucket.

    @ivar owner: The name of the principal that it belongs to: the bucket's own name when it comes
        from the configuration, C{master}, or a user's.
    @ivar public: Everyone may read and list.
    @ivar ttl: Seconds after the last write at which an object expires; 0: never.
    @ivar max_file_size: Bytes; 0: no limit.
    @ivar created_at: Seconds since the epoch.
    @ivar configured: It comes from the configuration, and is not to be deleted through S3.
    """

    name: str
    owner: str
    public: bool
    ttl: float
    max_file_size: int
    created_at: float
    configured: bool = False
