"""Blobs on an S3 endpoint, which is a dictionary here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.blobs.contract import BlobStoreContract
from twisted_aigate.storage.blobs.s3 import S3Blobs, s3_client


class Endpoint:
    """
    As much of boto3's client as is used.

    @ivar objects: By key.
    @ivar buckets: Those that there are.
    @ivar refused: Keys that it does not delete.
    @ivar down: Every upload fails.
    """

    class exceptions:  # noqa: N801 (as boto3 has it)
        class ClientError(Exception):
            pass

        class NoSuchKey(ClientError):
            pass

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.buckets: list[str] = []
        self.refused: set[str] = set()
        self.down = False

    def head_bucket(self, Bucket: str) -> None:
        if Bucket not in self.buckets:
            raise self.exceptions.ClientError("404")

    def create_bucket(self, Bucket: str) -> None:
        self.buckets.append(Bucket)

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        if self.down:
            raise OSError("the endpoint is down")
        self.objects[key] = Path(path).read_bytes()

    def get_object(self, Bucket: str, Key: str, Range: str = "bytes=0-") -> dict[str, Any]:
        if Key not in self.objects:
            raise self.exceptions.NoSuchKey
        start = int(Range.removeprefix("bytes=").removesuffix("-"))
        return {"Body": io.BytesIO(self.objects[Key][start:])}

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        keys = [each["Key"] for each in Delete["Objects"]]
        assert 0 < len(keys) <= 1000
        errors = [{"Key": key, "Code": "AccessDenied"} for key in keys if key in self.refused]
        for key in keys:
            if key not in self.refused:
                self.objects.pop(key, None)
        return {"Errors": errors} if errors else {}


class S3BlobsTests(BlobStoreContract, SynchronousTestCase):
    """The contract, and what is the endpoint's own."""

    def setUp(self) -> None:
        self.endpoint = Endpoint()
        super().setUp()

    def make(self) -> S3Blobs:
        return S3Blobs(self.endpoint, "theirs", "blobs/", self.folder)

    def test_bucket(self) -> None:
        """It is made once."""
        self.make().start()
        self.assertEqual(self.endpoint.buckets, ["theirs"])

    def test_nothing_stays_here(self) -> None:
        """The bytes are there, and here is but an empty marker until it is settled."""
        blob = self.written(settle=False)
        self.assertEqual(self.endpoint.objects, {f"blobs/{blob.id}": b"hello"})
        (marker,) = (self.folder / "incoming").iterdir()
        self.assertEqual((marker.name, marker.stat().st_size), (blob.id, 0))
        self.blobs.settle([blob.id])
        self.assertFalse(marker.exists())

    def test_endpoint_is_down(self) -> None:
        """The writer fails; the marker says that something may be there until it is discarded."""
        writer = self.blobs.create()
        writer.write(b"hello")
        self.endpoint.down = True
        self.assertRaises(OSError, writer.finish)
        self.assertEqual(len(self.make().start()), 1)
        writer.discard()
        self.assertEqual(self.make().start(), [])

    def test_many_at_once(self) -> None:
        """S3 takes a thousand in a request."""
        self.blobs.delete(f"{number:032x}" for number in range(2500))

    def test_not_deleted(self) -> None:
        """What the endpoint does not delete is not taken for deleted: it is tried again then."""
        blob = self.written()
        self.endpoint.refused.add(f"blobs/{blob.id}")
        self.assertRaises(Exception, self.blobs.delete, [blob.id])  # noqa: B017

    def test_client(self) -> None:
        """A client of boto3 for any endpoint."""
        client = s3_client("http://192.0.2.1:9000", "key", "secret", "eu-west-1")
        self.assertEqual(client.meta.endpoint_url, "http://192.0.2.1:9000")
        self.assertEqual(client.meta.region_name, "eu-west-1")
