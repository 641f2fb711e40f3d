"""boto3 with its defaults: objects in and out, copies, metadata, tags, multipart."""

from __future__ import annotations

import hashlib
import io
import random
import tempfile
import urllib.request
from pathlib import Path
from shutil import rmtree
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import ALICE, MB, UPLOADS, StorageTestCase

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


class Boto3Tests(StorageTestCase, SynchronousTestCase):
    """One object at a time."""

    def put(self, key: str, body: bytes = b"some bytes", **more: Any) -> dict[str, Any]:
        """PutObject."""
        done: dict[str, Any] = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)
        return done

    def get(self, key: str, **more: Any) -> bytes:
        """GetObject's body."""
        read: bytes = self.s3.get_object(Bucket=self.bucket, Key=key, **more)["Body"].read()
        return read

    def test_the_example(self) -> None:
        """The block that users are given, word for word but for the host."""
        folder = Path(tempfile.mkdtemp(prefix="aigate-test-"))
        self.addCleanup(rmtree, folder)
        image, local = folder / "image.png", folder / "local.png"
        image.write_bytes(_PNG)
        s3 = boto3.client(
            "s3",
            endpoint_url=self.server.endpoint,
            aws_access_key_id="uploads",  # bucket name (public_key)
            aws_secret_access_key=UPLOADS[1],
            region_name="us-east-1",
            config=Config(signature_version="s3v4"),
        )
        s3.upload_file(str(image), "uploads", "image.png")
        s3.download_file("uploads", "image.png", str(local))
        self.assertEqual(local.read_bytes(), _PNG)
        s3.upload_file(str(image), "uploads", "images/image.png")
        found = s3.list_objects_v2(Bucket="uploads", Prefix="images/")
        self.assertEqual([each["Key"] for each in found["Contents"]], ["images/image.png"])
        url = s3.generate_presigned_url(
            "get_object", Params={"Bucket": "uploads", "Key": "image.png"}, ExpiresIn=3600
        )
        with urllib.request.urlopen(url, timeout=10) as response:
            self.assertEqual(response.read(), _PNG)
        s3.delete_object(Bucket="uploads", Key="image.png")
        self.refused(404, "NoSuchKey", s3.get_object, Bucket="uploads", Key="image.png")

    def test_put_get_head_delete(self) -> None:
        """What was put comes back, with the fields that S3 sends."""
        for body in (b"", b"x", bytes(range(256)) * 5000):
            put = self.put("there and back", body)
            self.assertEqual(put["ETag"], _etag(body))
            self.assertIn("ChecksumCRC32", put)
            found = self.s3.get_object(Bucket=self.bucket, Key="there and back")
            self.assertEqual(found["Body"].read(), body)
            head = self.s3.head_object(Bucket=self.bucket, Key="there and back")
            for answer in (found, head):
                self.assertEqual(answer["ETag"], _etag(body))
                self.assertEqual(answer["ContentLength"], len(body))
                self.assertEqual(answer["AcceptRanges"], "bytes")
                self.assertEqual(answer["ResponseMetadata"]["HTTPHeaders"]["etag"], _etag(body))
        for _ in range(2):
            gone = self.s3.delete_object(Bucket=self.bucket, Key="there and back")
            self.assertEqual(gone["ResponseMetadata"]["HTTPStatusCode"], 204)
        get, head_object = self.s3.get_object, self.s3.head_object
        self.refused(404, "NoSuchKey", get, Bucket=self.bucket, Key="there and back")
        self.refused(404, "404", head_object, Bucket=self.bucket, Key="there and back")

    def test_content_type(self) -> None:
        """The client's; otherwise what the content looks like."""
        self.put("typed", ContentType="image/x-strange")
        self.put("picture", _PNG)
        head = self.s3.head_object
        self.assertEqual(head(Bucket=self.bucket, Key="typed")["ContentType"], "image/x-strange")
        self.assertEqual(head(Bucket=self.bucket, Key="picture")["ContentType"], "image/png")

    def test_metadata_and_headers(self) -> None:
        """They come back as they were given; a new write replaces all of them."""
        given = {
            "CacheControl": "max-age=60",
            "ContentDisposition": 'attachment; filename="a b.txt"',
            "ContentEncoding": "identity",
            "ContentLanguage": "de",
        }
        self.put("described", Metadata={"colour": "blue", "Mixed-Case": "x y"}, **given)
        head = self.s3.head_object(Bucket=self.bucket, Key="described")
        self.assertEqual(head["Metadata"], {"colour": "blue", "mixed-case": "x y"})
        self.assertEqual({name: head[name] for name in given}, given)
        self.put("described")
        head = self.s3.head_object(Bucket=self.bucket, Key="described")
        self.assertEqual(head["Metadata"], {})
        self.assertNotIn("CacheControl", head)
        too_much = {"a": "x" * 2048}
        self.refused(400, "MetadataTooLarge", self.put, key="described", Metadata=too_much)

    def test_copy(self) -> None:
        """Bytes and what is said of them go along, or are replaced."""
        self.put("a source + %", b"to copy", Metadata={"a": "1"}, ContentType="text/x-a")
        source = {"Bucket": self.bucket, "Key": "a source + %"}
        copied = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=source)
        self.assertEqual(copied["CopyObjectResult"]["ETag"], _etag(b"to copy"))
        self.assertEqual(self.get("copy"), b"to copy")
        head = self.s3.head_object(Bucket=self.bucket, Key="copy")
        self.assertEqual((head["Metadata"], head["ContentType"]), ({"a": "1"}, "text/x-a"))
        self.s3.copy_object(
            Bucket=self.bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE",
            Metadata={"b": "2"}, ContentType="text/x-b",
        )  # fmt: skip
        head = self.s3.head_object(Bucket=self.bucket, Key="copy")
        self.assertEqual((head["Metadata"], head["ContentType"]), ({"b": "2"}, "text/x-b"))
        self.assertEqual(self.get("copy"), b"to copy")

    def test_copy_onto_itself(self) -> None:
        """Only when something changes; the bytes stay."""
        self.put("self", b"itself")
        source = {"Bucket": self.bucket, "Key": "self"}
        copy = self.s3.copy_object
        self.refused(400, "InvalidRequest", copy, Bucket=self.bucket, Key="self", CopySource=source)
        copy(
            Bucket=self.bucket, Key="self", CopySource=source, MetadataDirective="REPLACE",
            Metadata={"new": "yes"},
        )  # fmt: skip
        self.assertEqual(self.get("self"), b"itself")
        head = self.s3.head_object(Bucket=self.bucket, Key="self")
        self.assertEqual(head["Metadata"], {"new": "yes"})

    def test_copy_refused(self) -> None:
        """No source, a source that the caller may not read, a condition that does not hold."""
        copy = self.s3.copy_object
        gone = {"Bucket": self.bucket, "Key": "nothing there"}
        self.refused(404, "NoSuchKey", copy, Bucket=self.bucket, Key="c", CopySource=gone)
        gone = {"Bucket": "no-such-bucket", "Key": "k"}
        self.refused(404, "NoSuchBucket", copy, Bucket=self.bucket, Key="c", CopySource=gone)
        self.put("conditional")
        source = {"Bucket": self.bucket, "Key": "conditional"}
        self.refused(
            412, "PreconditionFailed", copy, Bucket=self.bucket, Key="c", CopySource=source,
            CopySourceIfMatch="0" * 32,
        )  # fmt: skip
        other = self.server.client(UPLOADS).copy_object
        self.refused(403, "AccessDenied", other, Bucket="uploads", Key="c", CopySource=source)

    def test_tagging(self) -> None:
        """Tags leave the object as it is."""
        self.put("tagged", b"bytes", Tagging="a=1&b=x%20y")
        about = {"Bucket": self.bucket, "Key": "tagged"}
        tags = self.s3.get_object_tagging(**about)["TagSet"]
        self.assertEqual(tags, [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}])
        self.s3.put_object_tagging(**about, Tagging={"TagSet": [{"Key": "c", "Value": "ü&<"}]})
        tags = self.s3.get_object_tagging(**about)["TagSet"]
        self.assertEqual(tags, [{"Key": "c", "Value": "ü&<"}])
        self.assertEqual(self.s3.get_object(**about)["TagCount"], 1)
        self.assertEqual(self.get("tagged"), b"bytes")
        self.s3.delete_object_tagging(**about)
        self.assertEqual(self.s3.get_object_tagging(**about)["TagSet"], [])
        gone = {"Bucket": self.bucket, "Key": "nothing there"}
        self.refused(404, "NoSuchKey", self.s3.get_object_tagging, **gone)
        many = {"TagSet": [{"Key": str(number), "Value": ""} for number in range(11)]}
        self.refused(400, "InvalidTag", self.s3.put_object_tagging, **about, Tagging=many)

    def test_streams_of_unknown_length(self) -> None:
        """C{upload_fileobj} and C{download_fileobj}, small and in parts."""
        config = TransferConfig(multipart_threshold=5 * MB, multipart_chunksize=5 * MB)
        for size in (10, 6 * MB):
            body = random.Random(size).randbytes(size)
            self.s3.upload_fileobj(io.BytesIO(body), self.bucket, "stream", Config=config)
            read = io.BytesIO()
            self.s3.download_fileobj(self.bucket, "stream", read, Config=config)
            self.assertEqual(read.getvalue(), body)
        self.s3.copy({"Bucket": self.bucket, "Key": "stream"}, self.bucket, "again", Config=config)
        self.assertEqual(self.get("again"), body)

    def test_empty_streams(self) -> None:
        """A stream has C{Expect: 100-continue}, also when there is nothing in it."""
        client = self.server.client(ALICE, read_timeout=5, max_pool_connections=1)
        for body in (b"", b"x", b"", b"yz"):
            client.put_object(Bucket=self.bucket, Key="streamed", Body=io.BytesIO(body))
        self.assertEqual(self.get("streamed"), b"yz")

    def test_endpoint_at_the_root(self) -> None:
        """The same bucket without a path before it, on the port of its own."""
        root = self.server.client(ALICE, self.server.root_endpoint)
        self.put("both", b"the same object")
        about = {"Bucket": self.bucket, "Key": "both"}
        self.assertEqual(root.get_object(**about)["Body"].read(), b"the same object")
        root.put_object(**about, Body=b"another")
        self.assertEqual(self.get("both"), b"another")
