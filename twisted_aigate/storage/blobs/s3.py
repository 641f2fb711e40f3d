"""
Blobs on any S3 endpoint: MinIO, Ceph, AWS, or another aigate.

A blob is written to a local file first, since its size and its checksums must be known before it
is sent. The file's name stays behind as a marker until metadata refers to the blob, so that the
next start finds what a crash has left at the endpoint.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from twisted_aigate.storage.blobs.files import FileWriter
from twisted_aigate.storage.models import BlobRef

_DELETE_AT_ONCE = 1000

READERS = 16
"""Blobs that are opened and read at a time; a connection each."""

_WRITERS = 8
"""Blobs that are written or deleted at a time: as many as there are threads for files."""


class S3Body(Protocol):
    """botocore's streaming body."""

    def read(self, amt: int) -> bytes:
        """The next bytes."""

    def close(self) -> None:
        """Let go of the connection."""


class S3Blobs:
    """
    A L{twisted_aigate.storage.blobs.interface.BlobStore} on an S3 endpoint.

    @param client: A boto3 client of it.
    @param bucket: The bucket there; made when it is not there.
    @param prefix: What the keys start with.
    @param folder: For files on the way.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, folder: Path) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._incoming = folder / "incoming"

    def _key(self, blob_id: str) -> str:
        return f"{self._prefix}{blob_id}"

    def start(self) -> list[str]:
        """See C{BlobStore}."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except self._client.exceptions.ClientError:
            self._client.create_bucket(Bucket=self._bucket)
        return os.listdir(self._incoming)

    def create(self) -> S3Writer:
        """See C{BlobStore}."""
        blob_id = uuid.uuid4().hex
        return S3Writer(self, blob_id, self._incoming / blob_id)

    def upload(self, blob_id: str, path: Path) -> None:
        """Send a file; in parts when it is large."""
        self._client.upload_file(str(path), self._bucket, self._key(blob_id))

    def settle(self, ids: Iterable[str]) -> None:
        """See C{BlobStore}."""
        for blob_id in ids:
            (self._incoming / blob_id).unlink(missing_ok=True)

    def open(self, blob: BlobRef, offset: int = 0) -> S3Body:
        """See C{BlobStore}."""
        wanted = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(blob.id), **wanted)
        except self._client.exceptions.NoSuchKey:
            raise FileNotFoundError(blob.id) from None
        body: S3Body = answer["Body"]
        return body

    def delete(self, ids: Iterable[str]) -> None:
        """See C{BlobStore}."""
        wanted = list(ids)
        for start in range(0, len(wanted), _DELETE_AT_ONCE):
            some = wanted[start : start + _DELETE_AT_ONCE]
            objects = [{"Key": self._key(blob_id)} for blob_id in some]
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
            refused = answer.get("Errors")
            if refused:
                raise OSError(f"{len(refused)} blobs were not deleted: {refused[0].get('Code')}")
            self.settle(some)


class S3Writer:
    """
    A L{twisted_aigate.storage.blobs.interface.BlobWriter}.

    @param blobs: Where it goes.
    @param path: The file on the way.
    """

    def __init__(self, blobs: S3Blobs, blob_id: str, path: Path) -> None:
        self._blobs = blobs
        self._id = blob_id
        self._path = path
        self._file = FileWriter(blob_id, path, path)
        self._sent = False

    def write(self, data: bytes) -> None:
        """See C{BlobWriter}."""
        self._file.write(data)

    def finish(self) -> BlobRef:
        """See C{BlobWriter}."""
        blob = self._file.finish()
        self._sent = True
        self._blobs.upload(self._id, self._path)
        # The name stays as the marker; the bytes are where they belong.
        os.truncate(self._path, 0)
        return blob

    def discard(self) -> None:
        """See C{BlobWriter}."""
        self._file.discard()
        if self._sent:
            self._blobs.delete([self._id])


def s3_client(endpoint: str, access_key: str, secret_key: str, region: str) -> Any:
    """A boto3 client of an endpoint; boto3 is imported by those who need it alone."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=Config(signature_version="s3v4", max_pool_connections=READERS + _WRITERS),
    )
