"""boto3: multipart uploads."""

from __future__ import annotations

import hashlib
import random
import tempfile
from pathlib import Path
from shutil import rmtree
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import MB, StorageTestCase

_PART = random.Random(1).randbytes(5 * MB)
_LAST = b"the last part"


class MultipartTests(StorageTestCase, SynchronousTestCase):
    """CreateMultipartUpload and what follows it."""

    def begin(self, key: str, **more: Any) -> dict[str, Any]:
        """Create an upload; what names it."""
        about = {"Bucket": self.bucket, "Key": key}
        upload = self.s3.create_multipart_upload(**about, **more)
        return {**about, "UploadId": upload["UploadId"]}

    def parts(self, upload: dict[str, Any], *bodies: bytes) -> list[dict[str, Any]]:
        """Upload parts, the last one first."""
        numbered = list(enumerate(bodies, 1))
        done = [
            {"PartNumber": number, **self.s3.upload_part(**upload, PartNumber=number, Body=body)}
            for number, body in reversed(numbered)
        ]
        kept = ("PartNumber", "ETag", "ChecksumCRC32")
        return [{name: part[name] for name in kept if name in part} for part in reversed(done)]

    def complete(self, upload: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
        """CompleteMultipartUpload."""
        done: dict[str, Any] = self.s3.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": parts}
        )
        return done

    def test_large_file(self) -> None:
        """200 MB by C{upload_file} and C{download_file}, with the parts that boto3 chooses."""
        folder = Path(tempfile.mkdtemp(prefix="aigate-test-"))
        self.addCleanup(rmtree, folder)
        there, back = folder / "there", folder / "back"
        block, digest = random.Random(2).randbytes(MB), hashlib.sha256()
        with there.open("wb") as file:
            for number in range(200):
                piece = number.to_bytes(4, "big") + block[4:]
                file.write(piece)
                digest.update(piece)
        self.s3.upload_file(str(there), self.bucket, "large")
        head = self.s3.head_object(Bucket=self.bucket, Key="large")
        self.assertEqual(head["ContentLength"], 200 * MB)
        self.assertRegex(head["ETag"], '^"[0-9a-f]{32}-25"$')
        there.unlink()
        self.s3.download_file(self.bucket, "large", str(back))
        with back.open("rb") as file:
            self.assertEqual(hashlib.file_digest(file, "sha256").digest(), digest.digest())
        back.unlink()
        self.s3.delete_object(Bucket=self.bucket, Key="large")

    def test_complete(self) -> None:
        """Parts in any order become one object, which is not there before."""
        self.s3.put_object(Bucket=self.bucket, Key="parts", Body=b"the old one")
        upload = self.begin("parts", Metadata={"a": "b"}, ContentType="text/x-parts")
        parts = self.parts(upload, b"wrong", _LAST)
        parts = self.parts(upload, _PART, _LAST)
        old = self.s3.get_object(Bucket=self.bucket, Key="parts")["Body"].read()
        self.assertEqual(old, b"the old one")
        done = self.complete(upload, parts)
        digests = b"".join(hashlib.md5(part).digest() for part in (_PART, _LAST))
        etag = f'"{hashlib.md5(digests).hexdigest()}-2"'
        self.assertEqual(done["ETag"], etag)
        self.assertEqual((done["Bucket"], done["Key"]), (self.bucket, "parts"))
        found = self.s3.get_object(Bucket=self.bucket, Key="parts")
        self.assertEqual(found["Body"].read(), _PART + _LAST)
        self.assertEqual((found["ETag"], found["Metadata"]), (etag, {"a": "b"}))
        self.assertEqual(found["ContentType"], "text/x-parts")
        across = self.s3.get_object(
            Bucket=self.bucket, Key="parts", Range=f"bytes={5 * MB - 3}-{5 * MB + 2}"
        )
        self.assertEqual(across["Body"].read(), _PART[-3:] + b"the")
        second = self.s3.get_object(Bucket=self.bucket, Key="parts", PartNumber=2)
        self.assertEqual((second["Body"].read(), second["PartsCount"]), (_LAST, 2))

    def test_lists(self) -> None:
        """ListParts and ListMultipartUploads, in pages."""
        uploads = [self.begin(key) for key in ("list/a", "list/b", "list/b", "list/c d")]
        self.parts(uploads[0], b"1", b"22", b"333")
        first = self.s3.list_parts(**uploads[0], MaxParts=2)
        self.assertEqual([part["Size"] for part in first["Parts"]], [1, 2])
        self.assertTrue(first["IsTruncated"])
        marker = first["NextPartNumberMarker"]
        rest = self.s3.list_parts(**uploads[0], PartNumberMarker=marker)
        self.assertEqual([part["PartNumber"] for part in rest["Parts"]], [3])
        self.assertEqual(rest["Parts"][0]["ETag"], f'"{hashlib.md5(b"333").hexdigest()}"')
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix="list/", PaginationConfig={"PageSize": 1}
        )
        found = [each for page in pages for each in page.get("Uploads", [])]
        names = sorted((upload["Key"], upload["UploadId"]) for upload in uploads)
        self.assertEqual(sorted((each["Key"], each["UploadId"]) for each in found), names)
        for upload in uploads:
            self.s3.abort_multipart_upload(**upload)

    def test_abort(self) -> None:
        """An aborted upload is gone, and its bytes with it."""
        upload = self.begin("aborted")
        self.parts(upload, _LAST)
        self.s3.abort_multipart_upload(**upload)
        self.refused(404, "NoSuchUpload", self.s3.list_parts, **upload)
        put = self.s3.upload_part
        self.refused(404, "NoSuchUpload", put, **upload, PartNumber=1, Body=b"late")
        self.refused(404, "NoSuchUpload", self.s3.abort_multipart_upload, **upload)
        self.refused(404, "NoSuchKey", self.s3.get_object, Bucket=self.bucket, Key="aborted")

    def test_complete_refused(self) -> None:
        """Parts that are not there, too small, out of order or none; then it still completes."""
        upload = self.begin("refused")
        parts = self.parts(upload, _PART, _LAST)
        short = self.parts(self.begin("other"), b"too small", _LAST)

        def refused(code: str, named: list[dict[str, Any]]) -> None:
            complete = self.s3.complete_multipart_upload
            self.refused(400, code, complete, **upload, MultipartUpload={"Parts": named})

        refused("InvalidPart", [parts[0], {"PartNumber": 3, "ETag": parts[1]["ETag"]}])
        refused("InvalidPart", [{**parts[0], "ETag": '"' + "0" * 32 + '"'}])
        refused("InvalidPartOrder", [parts[1], parts[0]])
        refused("MalformedXML", [])
        self.assertEqual(len(short), 2)
        self.complete(upload, parts)
        small = self.begin("small parts")
        named = {"Parts": self.parts(small, b"too small", _LAST)}
        complete = self.s3.complete_multipart_upload
        self.refused(400, "EntityTooSmall", complete, **small, MultipartUpload=named)

    def test_wrong_numbers(self) -> None:
        """Parts are numbered from 1 to 10,000."""
        upload = self.begin("numbers")
        for number in (0, 10_001):
            put = self.s3.upload_part
            self.refused(400, "InvalidArgument", put, **upload, PartNumber=number, Body=b"x")

    def test_copied_parts(self) -> None:
        """UploadPartCopy of a whole object and of a range."""
        self.s3.put_object(Bucket=self.bucket, Key="whole source", Body=_PART)
        source = {"Bucket": self.bucket, "Key": "whole source"}
        upload = self.begin("of copies")
        copy = self.s3.upload_part_copy
        whole = copy(**upload, PartNumber=1, CopySource=source)
        some = copy(**upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=10-19")
        etags = [each["CopyPartResult"]["ETag"] for each in (whole, some)]
        self.assertEqual(etags[1], f'"{hashlib.md5(_PART[10:20]).hexdigest()}"')
        self.complete(
            upload, [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(etags, 1)]
        )
        found = self.s3.get_object(Bucket=self.bucket, Key="of copies")["Body"].read()
        self.assertEqual(found, _PART + _PART[10:20])
        again = self.begin("of copies")
        beyond = {"CopySource": source, "CopySourceRange": f"bytes=0-{5 * MB}"}
        with self.assertRaises(self.s3.exceptions.ClientError):
            copy(**again, PartNumber=1, **beyond)
