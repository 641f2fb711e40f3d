"""S3's multipart uploads, called and read by botocore."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from tests.storage.routes.test_s3_objects import S3Case
from twisted_aigate.storage import uploads as module


def _without_number(params: dict[str, Any], **_: object) -> None:
    assert "partNumber=1" in params["url"], params["url"]
    params["url"] = params["url"].replace("partNumber=1", "x-id=UploadPart")


class MultipartTests(S3Case):
    """With parts of ten bytes in place of five megabytes."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(module, "LEAST_PART", 10)

    def begin(self, key: str = "k", **more: Any) -> dict[str, Any]:
        """The arguments that name an upload."""
        found = self.s3.create_multipart_upload(Bucket="private", Key=key, **more)
        return {"Bucket": "private", "Key": key, "UploadId": found["UploadId"]}

    def part(self, upload: dict[str, Any], number: int, body: bytes, **more: Any) -> dict[str, Any]:
        """A part as it is named at completion."""
        found = self.s3.upload_part(**upload, PartNumber=number, Body=body, **more)
        sums = {name: value for name, value in found.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": found["ETag"], **sums}

    def complete(self, upload: dict[str, Any], *parts: dict[str, Any], **more: Any) -> Any:
        return self.s3.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": list(parts)}, **more
        )

    def test_whole(self) -> None:
        """From the beginning to the object, with all that was said at the beginning."""
        upload = self.begin("a b/ü", ContentType="x/y", Metadata={"a": "b"}, Tagging="t=u")
        two, one = self.part(upload, 2, b"end"), self.part(upload, 1, b"x" * 10)
        found = self.complete(upload, one, two)
        self.assertEqual(found["Location"], "http://test:4000/storage/private/a%20b/%C3%BC")
        self.assertRegex(found["ETag"], r'^"[0-9a-f]{32}-2"$')
        answer = self.get("a b/ü")
        self.assertEqual(answer["Body"].read(), b"x" * 10 + b"end")
        self.assertEqual((answer["ContentType"], answer["Metadata"], answer["TagCount"]),
                         ("x/y", {"a": "b"}, 1))  # fmt: skip

    def test_parts_of_the_object(self) -> None:
        """Each can be read by its number; a range may lie over several."""
        upload = self.begin()
        parts = [self.part(upload, number, b"%d" % number * 10) for number in (1, 2, 3)]
        self.complete(upload, *parts)
        found = self.get(PartNumber=2)
        self.assertEqual((found["Body"].read(), found["PartsCount"]), (b"2" * 10, 3))
        self.assertEqual(found["ContentRange"], "bytes 10-19/30")
        self.assertEqual(self.read(Range="bytes=9-20"), b"1" + b"2" * 10 + b"3")
        self.assertEqual(self.code("get_object", 416, Key="k", PartNumber=4), "InvalidRange")

    def test_type_is_found_out(self) -> None:
        """Of an upload without one as of any other object: by its content, or its key."""
        upload = self.begin("a.png")
        self.complete(upload, self.part(upload, 1, b"\x89PNG\r\n\x1a\n..."))
        self.assertEqual(self.get("a.png")["ContentType"], "image/png")

    def test_checksums(self) -> None:
        """Of the parts, or of the whole."""
        upload = self.begin(ChecksumAlgorithm="SHA256")
        one = self.part(upload, 1, b"x", ChecksumAlgorithm="SHA256")
        found = self.complete(upload, one)
        self.assertTrue(found["ChecksumSHA256"].endswith("-1"))
        self.assertEqual(found["ChecksumType"], "COMPOSITE")
        upload = self.begin(ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
        one = self.part(upload, 1, b"123456789", ChecksumAlgorithm="CRC64NVME")
        # The check value of the algorithm's catalogue, ae8b14860a799888.
        found = self.complete(upload, one, ChecksumCRC64NVME="rosUhgp5mIg=")
        self.assertEqual(found["ChecksumCRC64NVME"], "rosUhgp5mIg=")
        code = self.code("create_multipart_upload", 400, Key="k", ChecksumAlgorithm="SHA1",
                         ChecksumType="FULL_OBJECT")  # fmt: skip
        self.assertEqual(code, "InvalidRequest")

    def test_lists(self) -> None:
        """Parts in pages, uploads with prefixes."""
        upload = self.begin("a/1")
        self.begin("b")
        for number in (1, 2, 3):
            self.part(upload, number, b"x" * number)
        pages = self.s3.get_paginator("list_parts").paginate(
            **upload, PaginationConfig={"PageSize": 2}
        )
        parts = [part for page in pages for part in page["Parts"]]
        self.assertEqual([(part["PartNumber"], part["Size"]) for part in parts],
                         [(1, 1), (2, 2), (3, 3)])  # fmt: skip
        found = self.s3.list_multipart_uploads(Bucket="private", Delimiter="/")
        self.assertEqual([each["Key"] for each in found["Uploads"]], ["b"])
        self.assertEqual(found["CommonPrefixes"], [{"Prefix": "a/"}])
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(
            Bucket="private", PaginationConfig={"PageSize": 1}
        )
        keys = [each["Key"] for page in pages for each in page.get("Uploads", [])]
        self.assertEqual(keys, ["a/1", "b"])

    def test_abort(self) -> None:
        """Then it is gone."""
        upload = self.begin()
        self.part(upload, 1, b"x")
        self.s3.abort_multipart_upload(**upload)
        for operation, more in (
            ("abort_multipart_upload", {}), ("list_parts", {}),
            ("upload_part", {"PartNumber": 1, "Body": b"x"}),
            ("complete_multipart_upload", {"MultipartUpload": {"Parts": [
                {"PartNumber": 1, "ETag": "x"}]}}),
        ):  # fmt: skip
            self.assertEqual(self.code(operation, 404, **upload, **more), "NoSuchUpload")

    def test_part_numbers(self) -> None:
        """From 1 to 10,000; one must be named."""
        upload = self.begin()
        self.part(upload, 10_000, b"x")
        for number in (0, 10_001, -1):
            code = self.code("upload_part", 400, **upload, PartNumber=number, Body=b"x")
            self.assertEqual(code, "InvalidArgument")
        client: Any = self.s3
        client.meta.events.register("before-call.s3.UploadPart", _without_number)
        code = self.code("upload_part", 400, **upload, PartNumber=1, Body=b"x")
        self.assertEqual(code, "InvalidArgument")

    def test_part_numbers_at_completion(self) -> None:
        """What is no number is malformed."""
        upload = self.begin()
        part = self.part(upload, 1, b"x")
        for number in ("x", "²", "1" * 5000, "-1", ""):
            body = (
                "<CompleteMultipartUpload><Part>"
                f"<PartNumber>{number}</PartNumber><ETag>{part['ETag']}</ETag>"
                "</Part></CompleteMultipartUpload>"
            )
            self.s3 = self.boto3()
            self.s3.meta.events.register(
                "before-call.s3.CompleteMultipartUpload",
                lambda params, body=body, **_: params.update(body=body.encode()),
            )
            with self.subTest(number[:9]):
                code = self.code("complete_multipart_upload", 400, **upload)
                self.assertIn(code, ("MalformedXML", "InvalidPart"))

    def test_refused_completions(self) -> None:
        """S3's codes."""
        upload = self.begin()
        one, two = self.part(upload, 1, b"x" * 9), self.part(upload, 2, b"y")
        for parts, code in (
            ([one, two], "EntityTooSmall"), ([two, one], "InvalidPartOrder"),
            ([{**one, "ETag": '"x"'}], "InvalidPart"), ([], "MalformedXML"),
        ):  # fmt: skip
            found = self.code("complete_multipart_upload", 400, **upload,
                              MultipartUpload={"Parts": parts})  # fmt: skip
            self.assertEqual(found, code)

    def test_copied_parts(self) -> None:
        """A part out of another object, or out of some of it."""
        self.put("source", b"0123456789abcdef")
        upload = self.begin()
        copy = {**upload, "CopySource": "private/source"}
        one = self.s3.upload_part_copy(**copy, PartNumber=1)["CopyPartResult"]
        two = self.s3.upload_part_copy(**copy, PartNumber=2, CopySourceRange="bytes=10-12")
        parts = [
            {"PartNumber": 1, "ETag": one["ETag"]},
            {"PartNumber": 2, "ETag": two["CopyPartResult"]["ETag"]},
        ]
        self.complete(upload, *parts)
        self.assertEqual(self.read(), b"0123456789abcdefabc")
        copy["UploadId"] = self.begin()["UploadId"]
        for text, code in (
            ("bytes=0-16", "InvalidRange"), ("bytes=5-2", "InvalidArgument"),
            ("bytes=5-", "InvalidArgument"), ("0-5", "InvalidArgument"),
        ):  # fmt: skip
            found = self.code("upload_part_copy", **copy, PartNumber=1, CopySourceRange=text)
            self.assertEqual(found, code, text)
        self.assertEqual(self.store.pins._counts, {})

    def test_parts_over_the_limit(self) -> None:
        """Refused as they come, copied or sent, and not only when the whole is made."""
        upload = {**self.begin_in("uploads"), "PartNumber": 2}
        self.s3.upload_part(**{**upload, "PartNumber": 1}, Body=b"x" * 600)
        self.s3.put_object(Bucket="private", Key="source", Body=b"x" * 500)
        for call, more in (
            (self.s3.upload_part, {"Body": b"x" * 401}),
            (self.s3.upload_part_copy, {"CopySource": "private/source"}),
        ):
            with self.assertRaises(ClientError) as caught:
                call(**upload, **more)
            error = caught.exception.response
            self.assertEqual(error["Error"]["Code"], "EntityTooLarge")
            self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 413)
        copied = {"CopySource": "private/source", "CopySourceRange": "bytes=0-399"}
        self.s3.upload_part_copy(**upload, **copied)

    def begin_in(self, bucket: str) -> dict[str, Any]:
        found = self.s3.create_multipart_upload(Bucket=bucket, Key="k")
        return {"Bucket": bucket, "Key": "k", "UploadId": found["UploadId"]}
