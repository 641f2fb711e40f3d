"""Small objects, whose bytes are in the database, and those that are just too large for it."""

from __future__ import annotations

import hashlib
import http.client
import os

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import ALICE, MB, StorageServer, StorageTestCase
from tests.support.waiting import eventually
from twisted_aigate.storage.intake import MOST_INLINE

SIZES = (0, 1, MOST_INLINE, MOST_INLINE + 1)


class SmallObjectTests(StorageTestCase, SynchronousTestCase):
    """boto3, around the limit."""

    @classmethod
    def start_server(cls) -> StorageServer:
        return StorageServer.running()

    def setUp(self) -> None:
        self.contents = {f"size-{size}": os.urandom(size) for size in SIZES}
        for key, content in self.contents.items():
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, Metadata={"a": key})

    def read(self, key: str, **more: str) -> bytes:
        found: bytes = self.s3.get_object(Bucket=self.bucket, Key=key, **more)["Body"].read()
        return found

    def check(self) -> None:
        """All are there as they were put."""
        for key, content in self.contents.items():
            found = self.s3.get_object(Bucket=self.bucket, Key=key)
            self.assertEqual(found["Body"].read(), content)
            self.assertEqual(found["ETag"], f'"{hashlib.md5(content).hexdigest()}"')
            self.assertEqual(
                (found["ContentLength"], found["Metadata"]), (len(content), {"a": key})
            )
            head = self.s3.head_object(Bucket=self.bucket, Key=key)
            self.assertEqual((head["ContentLength"], head["ETag"]), (len(content), found["ETag"]))
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="size-")["Contents"]
        sizes = {entry["Key"]: entry["Size"] for entry in listed}
        self.assertEqual(sizes, {key: len(content) for key, content in self.contents.items()})

    def wait_for_one_file(self) -> None:
        """Wait until one file holds bytes: garbage is removed in the server's own time."""
        eventually(
            lambda: len(self.server.blob_files()) == 1, lambda: f"{self.server.blob_files()}"
        )

    def test_there_and_again_after_a_kill(self) -> None:
        """What was acknowledged survives, in the database as in a file; one alone is a file."""
        self.check()
        self.wait_for_one_file()
        self.server.kill()
        self.server.process.wait(20)
        self.server.start()
        self.server.wait_until_up()
        self.check()
        self.wait_for_one_file()

    def test_ranges(self) -> None:
        """The same of both kinds."""
        for size in SIZES[2:]:
            key = f"size-{size}"
            content = self.contents[key]
            for wanted, expected in (
                ("bytes=0-0", content[:1]), ("bytes=5-9", content[5:10]),
                ("bytes=-3", content[-3:]), (f"bytes={size - 1}-", content[-1:]),
                ("bytes=0-999999", content),
            ):  # fmt: skip
                self.assertEqual(self.read(key, Range=wanted), expected, (size, wanted))
            self.refused(
                416, "InvalidRange", self.s3.get_object, Bucket=self.bucket, Key=key,
                Range=f"bytes={size}-",
            )  # fmt: skip
        self.refused(
            416, "InvalidRange", self.s3.get_object, Bucket=self.bucket, Key="size-0",
            Range="bytes=0-0",
        )  # fmt: skip

    def test_copies(self) -> None:
        """Of both kinds, onto others, onto themselves, and onto each other."""
        for key, content in self.contents.items():
            source = {"Bucket": self.bucket, "Key": key}
            self.s3.copy_object(Bucket=self.bucket, Key="copied", CopySource=source)
            self.assertEqual(self.read("copied"), content)
            self.s3.copy_object(
                Bucket=self.bucket, Key="copied", Metadata={"new": "x"},
                CopySource={"Bucket": self.bucket, "Key": "copied"}, MetadataDirective="REPLACE",
            )  # fmt: skip
            found = self.s3.get_object(Bucket=self.bucket, Key="copied")
            self.assertEqual((found["Body"].read(), found["Metadata"]), (content, {"new": "x"}))
        self.check()
        self.s3.delete_object(Bucket=self.bucket, Key="copied")

    def test_parts(self) -> None:
        """A small object into a part, and an object of one small part."""
        for key, content in self.contents.items():
            upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="parts")["UploadId"]
            of = {"Bucket": self.bucket, "Key": "parts", "UploadId": upload}
            part = self.s3.upload_part_copy(
                **of, PartNumber=1, CopySource={"Bucket": self.bucket, "Key": key}
            )
            named = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
            self.s3.complete_multipart_upload(**of, MultipartUpload={"Parts": named})
            self.assertEqual(self.read("parts"), content)
        self.s3.delete_object(Bucket=self.bucket, Key="parts")

    def test_replaced_by_the_other_kind(self) -> None:
        """The last one is there, whatever was before; nothing of the others stays on the disk."""
        for size in (10, 5 * MB, 0, MB, 1):
            content = os.urandom(size)
            self.s3.put_object(Bucket=self.bucket, Key="changing", Body=content)
            self.assertEqual(self.read("changing"), content)
        self.s3.delete_object(Bucket=self.bucket, Key="changing")
        self.refused(404, "NoSuchKey", self.s3.get_object, Bucket=self.bucket, Key="changing")
        self.wait_for_one_file()

    def test_in_chunks(self) -> None:
        """A body whose length is not told."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        self.addCleanup(connection.close)
        fields = {"Authorization": f"Bearer {ALICE[1]}"}
        for size in SIZES:
            content = os.urandom(size)
            path = f"/storage/{self.bucket}/chunked"
            connection.request(
                "PUT", path, iter((content[:100], content[100:])), fields, encode_chunked=True
            )
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            self.assertEqual(self.read("chunked"), content)
        self.s3.delete_object(Bucket=self.bucket, Key="chunked")
