"""Storage on PostgreSQL, and with its bytes at another S3."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import (
    MASTER,
    MB,
    SMALL,
    UPLOADS,
    StorageServer,
    StorageTestCase,
    shared_server,
)
from tests.support.postgresql import new_database, run

_PARTS = random.Random(7).randbytes(5 * MB), b"the last part"


class _MainPath:
    """What must be the same wherever metadata and bytes are."""

    def test_objects(self) -> None:
        """Put, get, head, a range, copy, tags, delete."""
        for body in (b"", b"small", random.Random(8).randbytes(3 * MB)):
            about = {"Bucket": self.bucket, "Key": "a b+c/ü 😀.bin"}
            put = self.s3.put_object(**about, Body=body, Metadata={"a": "1"}, Tagging="t=1")
            self.assertEqual(put["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
            found = self.s3.get_object(**about)
            self.assertEqual((found["Body"].read(), found["Metadata"]), (body, {"a": "1"}))
            self.assertEqual(self.s3.head_object(**about)["ContentLength"], len(body))
            if body:
                some = self.s3.get_object(**about, Range="bytes=1-3")["Body"].read()
                self.assertEqual(some, body[1:4])
            self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=about)
            copy = self.s3.get_object(Bucket=self.bucket, Key="copy")["Body"].read()
            self.assertEqual(copy, body)
            tags = self.s3.get_object_tagging(**about)["TagSet"]
            self.assertEqual(tags, [{"Key": "t", "Value": "1"}])
            self.s3.delete_object(**about)
            self.refused(404, "NoSuchKey", self.s3.get_object, **about)

    def test_multipart(self) -> None:
        """Parts, read across their border; an abort."""
        about = {"Bucket": self.bucket, "Key": "parts"}
        for key in ("parts", "aborted"):
            upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
            named = {"Bucket": self.bucket, "Key": key, "UploadId": upload}
            parts = [
                {
                    "PartNumber": number,
                    "ETag": self.s3.upload_part(**named, PartNumber=number, Body=body)["ETag"],
                }
                for number, body in enumerate(_PARTS, 1)
            ]
            if key == "aborted":
                self.s3.abort_multipart_upload(**named)
            else:
                self.s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        self.assertEqual(self.s3.get_object(**about)["Body"].read(), b"".join(_PARTS))
        border = self.s3.get_object(**about, Range=f"bytes={5 * MB - 2}-{5 * MB + 2}")
        self.assertEqual(border["Body"].read(), _PARTS[0][-2:] + b"the")
        self.refused(404, "NoSuchKey", self.s3.get_object, Bucket=self.bucket, Key="aborted")

    def test_lists(self) -> None:
        """In the order of bytes, in pages, with folders."""
        keys = sorted(("list/A", "list/a", "list/B", "list/_", "list/ä", "list/x/1", "list/x/2",
                       "list/😀", "list/\uffff", "list/%"), key=str.encode)  # fmt: skip
        for key in keys:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"x")
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix="list/", PaginationConfig={"PageSize": 3}
        )
        self.assertEqual([each["Key"] for page in pages for each in page["Contents"]], keys)
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="list/", Delimiter="/")
        self.assertEqual(page["CommonPrefixes"], [{"Prefix": "list/x/"}])
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, Prefix="list/")["KeyCount"], 0)

    def test_refusals(self) -> None:
        """Too large, wrong digest, wrong condition: what was there stays."""
        small = self.server.client(SMALL)
        small.put_object(Bucket="small", Key="k", Body=b"kept")
        put = small.put_object
        self.refused(413, "EntityTooLarge", put, Bucket="small", Key="k", Body=bytes(200_000))
        wrong = {"ChecksumCRC32": "AAAAAA=="}
        self.refused(400, "BadDigest", put, Bucket="small", Key="k", Body=b"other", **wrong)
        once = {"IfNoneMatch": "*"}
        self.refused(412, "PreconditionFailed", put, Bucket="small", Key="k", Body=b"x", **once)
        self.assertEqual(small.get_object(Bucket="small", Key="k")["Body"].read(), b"kept")

    def test_many_at_once(self) -> None:
        """Writers and readers of few keys: whole objects alone."""
        bodies = [bytes([number]) * 200_000 for number in range(4)]

        def work(number: int) -> None:
            about = {"Bucket": self.bucket, "Key": f"contended {number % 2}"}
            for _ in range(4):
                self.s3.put_object(**about, Body=bodies[number % 4])
                self.assertIn(self.s3.get_object(**about)["Body"].read(), bodies)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

    def test_buckets(self) -> None:
        """Made and deleted."""
        master = self.server.client(MASTER)
        master.create_bucket(Bucket="comes-and-goes")
        master.put_object(Bucket="comes-and-goes", Key="k", Body=b"x")
        self.refused(409, "BucketNotEmpty", master.delete_bucket, Bucket="comes-and-goes")
        master.delete_object(Bucket="comes-and-goes", Key="k")
        master.delete_bucket(Bucket="comes-and-goes")


class PostgreSQLTests(_MainPath, StorageTestCase, SynchronousTestCase):
    """Metadata in PostgreSQL."""

    @classmethod
    def start_server(cls) -> StorageServer:
        cls.database = new_database()
        return StorageServer.running(DATABASE_URL=cls.database)

    def test_it_is_there(self) -> None:
        """What these tests are for: the metadata is not in a file."""
        self.s3.put_object(Bucket=self.bucket, Key="in PostgreSQL", Body=b"x")
        found = run(self.database, "SELECT key FROM objects WHERE key = 'in PostgreSQL'")
        self.assertEqual(len(found), 1)
        self.assertFalse((self.server.folder / "data" / "aigate.sqlite").exists())


class BytesAtS3Tests(_MainPath, StorageTestCase, SynchronousTestCase):
    """Bytes in a bucket of a second server."""

    @classmethod
    def start_server(cls) -> StorageServer:
        cls.other = shared_server()
        cls.other.client(MASTER).create_bucket(Bucket="bytes-of-another")
        return StorageServer.running(
            STORAGE_S3_ENDPOINT=cls.other.endpoint,
            STORAGE_S3_BUCKET="bytes-of-another",
            STORAGE_S3_ACCESS_KEY=MASTER[0],
            STORAGE_S3_SECRET_KEY=MASTER[1],
        )

    def test_it_is_there(self) -> None:
        """What these tests are for: the bytes are at the other, under names without content."""
        far_away = b"far away" * 10_000
        self.server.client(UPLOADS).put_object(Bucket="uploads", Key="telling", Body=far_away)
        other = self.other.client(MASTER)
        found = other.list_objects_v2(Bucket="bytes-of-another")["Contents"]
        self.assertFalse([each for each in found if "telling" in each["Key"]])
        bodies = [
            other.get_object(Bucket="bytes-of-another", Key=each["Key"])["Body"].read()
            for each in found
            if each["Size"] == len(far_away)
        ]
        self.assertIn(far_away, bodies)
        self.assertEqual(self.server.blob_files(), [])
