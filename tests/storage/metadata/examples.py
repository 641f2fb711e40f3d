"""Objects, uploads and parts to store."""

from __future__ import annotations

import itertools
from typing import Any

from attrs import evolve

from twisted_aigate.storage.models import BlobRef, Checksum, Part, StoredObject, Upload

_numbers = itertools.count()

FULL: dict[str, Any] = {
    "headers": {"cache-control": "no-store", "content-disposition": 'attachment; filename="ü"'},
    "metadata": {"colour": "blue", "empty": ""},
    "tags": {"kind": "ünïcode \U0001f600", "": "x"},
    "checksum": Checksum("CRC32", "AAAAAA==", "COMPOSITE"),
    "expires_at": 2000.5,
}


def blob(size: int = 10) -> BlobRef:
    return BlobRef(f"blob{next(_numbers):08d}", size)


def stored(key: str, *blobs: BlobRef, bucket: str = "bucket", **more: Any) -> StoredObject:
    blobs = blobs or (blob(),)
    values = {
        "size": sum(one.size for one in blobs),
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
        "content_type": "text/plain",
        "uploaded_at": 1000.25,
    }
    return StoredObject(bucket=bucket, key=key, blobs=blobs, **{**values, **more})


def small(key: str, content: bytes = b"hello", **more: Any) -> StoredObject:
    return evolve(stored(key, **more), blobs=(), size=len(content), content=content)


def upload(upload_id: str, key: str = "key", bucket: str = "bucket", **more: Any) -> Upload:
    values = {"owner": "me", "initiated_at": 1000.25, "content_type": "text/plain", **more}
    return Upload(id=upload_id, bucket=bucket, key=key, **values)


def part(number: int, **more: Any) -> Part:
    return Part(number, blob(), "0cc175b9c0f1b6a831c399e269772661", 1001.5, **more)
