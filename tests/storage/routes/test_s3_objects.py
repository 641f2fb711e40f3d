"""S3's operations on objects, called and read by botocore."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.storage.s3.wire import KEYS
from tests.support.storage import SiteCase
from twisted_aigate.storage.outflow import PIECE


class S3Case(SiteCase):
    """Has the master's client, and a private bucket."""

    def setUp(self) -> None:
        super().setUp()
        self.s3 = self.boto3()

    def put(self, key: str = "k", body: bytes = b"hello", **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.put_object(Bucket="private", Key=key, Body=body, **more)
        return answer

    def get(self, key: str = "k", **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.get_object(Bucket="private", Key=key, **more)
        return answer

    def read(self, key: str = "k", **more: Any) -> bytes:
        body: StreamingBody = self.get(key, **more)["Body"]
        return bytes(body.read())

    def code(self, operation: str, status: int | None = None, **arguments: Any) -> str:
        """The code with which an operation is refused, and its status."""
        with self.assertRaises(ClientError) as caught:
            getattr(self.s3, operation)(**{"Bucket": "private", **arguments})
        found = caught.exception.response
        if status is not None:
            self.assertEqual(found["ResponseMetadata"]["HTTPStatusCode"], status)
        return str(found["Error"]["Code"])


class ObjectsTests(S3Case):
    """Put, get, head, delete, copy, tags."""

    def test_round_trip(self) -> None:
        """Bytes, metadata, headers, checksum."""
        answer = self.put(
            ContentType="text/x", Metadata={"colour": "blue"}, CacheControl="no-store",
            ChecksumAlgorithm="SHA256", Tagging="a=b",
        )  # fmt: skip
        digest = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
        self.assertEqual(answer["ETag"], '"5d41402abc4b2a76b9719d911017c592"')
        self.assertEqual(
            (answer["ChecksumSHA256"], answer["ChecksumType"]), (digest, "FULL_OBJECT")
        )
        for found in (self.get(), self.s3.head_object(Bucket="private", Key="k",
                                                      ChecksumMode="ENABLED")):  # fmt: skip
            self.assertEqual(
                (found["ContentType"], found["Metadata"]), ("text/x", {"colour": "blue"})
            )
            self.assertEqual((found["CacheControl"], found["ContentLength"]), ("no-store", 5))
            self.assertEqual(found["ChecksumSHA256"], digest)
            self.assertEqual(found["LastModified"].timestamp(), self.clock.seconds())

    def test_keys(self) -> None:
        """Any that S3 allows."""
        for number, key in enumerate(KEYS):
            self.put(key, b"%d" % number)
        for number, key in enumerate(KEYS):
            self.assertEqual(self.read(key), b"%d" % number, key)

    def test_not_there(self) -> None:
        """Codes and statuses."""
        self.assertEqual(self.code("get_object", 404, Key="no"), "NoSuchKey")
        self.assertEqual(self.code("head_object", 404, Key="no"), "404")
        self.assertEqual(self.code("get_object", 404, Bucket="nothing", Key="k"), "NoSuchBucket")
        self.s3.delete_object(Bucket="private", Key="no")

    def test_conditional_writes(self) -> None:
        """Only if there is none, or only over that one."""
        etag = self.put(IfNoneMatch="*")["ETag"]
        code = self.code("put_object", 412, Key="k", Body=b"other", IfNoneMatch="*")
        self.assertEqual(code, "PreconditionFailed")
        self.assertEqual(self.code("put_object", 412, Key="k", IfMatch='"x"'), "PreconditionFailed")
        self.assertEqual(self.code("put_object", 404, Key="l", IfMatch=etag), "NoSuchKey")
        self.put(body=b"new", IfMatch=etag)
        self.assertEqual(self.read(), b"new")
        self.assertEqual(self.code("put_object", 501, Key="k", IfNoneMatch='"x"'), "NotImplemented")

    def test_not_modified(self) -> None:
        """304, without a body."""
        etag = self.put()["ETag"]
        self.assertEqual(self.code("get_object", 304, Key="k", IfNoneMatch=etag), "304")
        self.assertEqual(self.code("get_object", 416, Key="k", Range="bytes=9-"), "InvalidRange")

    def test_copy(self) -> None:
        """With what the source has, or with what is said; of any key."""
        for key in KEYS:
            self.put(key, key.encode(), Metadata={"a": "b"}, Tagging="t=u", ContentType="x/y")
            answer = self.s3.copy_object(
                Bucket="private", Key="copy", CopySource={"Bucket": "private", "Key": key}
            )
            self.assertEqual(self.read("copy"), key.encode(), key)
        etag = f'"{hashlib.md5(KEYS[-1].encode()).hexdigest()}"'
        self.assertEqual(answer["CopyObjectResult"]["ETag"], etag)
        found = self.get("copy")
        self.assertEqual((found["Metadata"], found["ContentType"]), ({"a": "b"}, "x/y"))
        self.assertEqual(found["TagCount"], 1)
        self.s3.copy_object(
            Bucket="private", Key="copy", CopySource="private/plain.txt", Metadata={"c": "d"},
            MetadataDirective="REPLACE", Tagging="v=w&x=y", TaggingDirective="REPLACE",
        )  # fmt: skip
        found = self.get("copy")
        self.assertEqual((found["Metadata"], found["TagCount"]), ({"c": "d"}, 2))

    def with_fields(self, operation: str, **fields: str) -> None:
        """Have the next calls of an operation send these header fields, as they are."""
        self.s3.meta.events.register(
            f"before-call.s3.{operation}",
            lambda params, **_: params["headers"].update(
                {name.replace("_", "-"): value for name, value in fields.items()}
            ),
        )

    def test_copy_sources(self) -> None:
        """However it is written; what is none is refused."""
        self.put("a b")
        copy = {"Bucket": "private", "Key": "c", "CopySource": "x/y"}
        for source in ("private/a%20b", "/private/a%20b", "private%2Fa%20b", "/private%2fa%20b",
                       "private/a%20b?versionId=null"):  # fmt: skip
            self.with_fields("CopyObject", x_amz_copy_source=source)
            self.s3.copy_object(**copy)
        for source, code in (
            ("private", "InvalidArgument"), ("private/", "InvalidArgument"),
            ("/", "InvalidArgument"),
            ("private/no", "NoSuchKey"), ("nothing/k", "NoSuchBucket"),
            ("private/%FF", "InvalidURI"), ("private/a%00", "InvalidURI"),
            ("private/a%20b?versionId=1", "NoSuchVersion"),
            (f"private/{'k' * 1025}", "KeyTooLongError"),
        ):  # fmt: skip
            self.with_fields("CopyObject", x_amz_copy_source=source)
            self.assertEqual(self.code("copy_object", **copy), code, source)

    def test_copy_conditions(self) -> None:
        """What does not hold of the source is a 412."""
        etag = self.put()["ETag"]
        source = {"Bucket": "private", "Key": "k", "CopySource": "private/k"}
        source["Key"] = "copy"
        self.s3.copy_object(**source, CopySourceIfMatch=etag)
        for condition in ({"CopySourceIfMatch": '"x"'}, {"CopySourceIfNoneMatch": etag}):
            self.assertEqual(
                self.code("copy_object", 412, **source, **condition), "PreconditionFailed"
            )

    def test_copy_onto_what_is_there(self) -> None:
        """If-None-Match holds for a copy's target: it is not dropped."""
        self.put("source")
        self.put("target", b"precious")
        self.with_fields("CopyObject", If_None_Match="*")
        with self.assertRaises(ClientError):
            self.s3.copy_object(Bucket="private", Key="target", CopySource="private/source")
        self.assertEqual(self.read("target"), b"precious")

    def test_copy_onto_itself(self) -> None:
        """Only with something new to say."""
        self.put()
        source = {"Bucket": "private", "Key": "k", "CopySource": "private/k"}
        self.assertEqual(self.code("copy_object", 400, **source), "InvalidRequest")
        self.s3.copy_object(**source, Metadata={"a": "b"}, MetadataDirective="REPLACE")
        self.assertEqual((self.read(), self.get()["Metadata"]), (b"hello", {"a": "b"}))

    def test_copy_with_a_checksum(self) -> None:
        """Any algorithm may be asked for; without one the source's is kept."""
        self.put(ChecksumAlgorithm="SHA256")
        self.s3.copy_object(Bucket="private", Key="same", CopySource="private/k")
        self.assertIn("ChecksumSHA256", self.get("same", ChecksumMode="ENABLED"))
        self.s3.copy_object(
            Bucket="private", Key="other", CopySource="private/k", ChecksumAlgorithm="CRC32"
        )
        self.assertIn("ChecksumCRC32", self.get("other", ChecksumMode="ENABLED"))

    def test_refused_copy_lets_go(self) -> None:
        """Of the source's bytes."""
        self.put(body=b"x" * (PIECE + 1))
        self.with_fields("CopyObject", x_amz_checksum_algorithm="NONE")
        code = self.code("copy_object", 400, Key="copy", CopySource="private/k")
        self.assertEqual(code, "InvalidRequest")
        self.assertEqual(self.store.pins._counts, {})

    def test_delete_objects(self) -> None:
        """Each with its own outcome; quietly, only what failed."""
        self.put("a & <b>")
        self.put("ü")
        objects = [{"Key": "a & <b>"}, {"Key": "no"}, {"Key": "ü", "VersionId": "1"}]
        found = self.s3.delete_objects(Bucket="private", Delete={"Objects": objects})
        self.assertEqual([each["Key"] for each in found["Deleted"]], ["a & <b>", "no"])
        self.assertEqual([(each["Key"], each["Code"]) for each in found["Errors"]],
                         [("ü", "NoSuchVersion")])  # fmt: skip
        quiet = {"Objects": [{"Key": "ü"}], "Quiet": True}
        self.assertNotIn("Deleted", self.s3.delete_objects(Bucket="private", Delete=quiet))
        self.assertEqual(self.code("get_object", Key="ü"), "NoSuchKey")
        many = {"Objects": [{"Key": str(number)} for number in range(1001)]}
        self.assertEqual(self.code("delete_objects", 400, Delete=many), "MalformedXML")

    def test_tags(self) -> None:
        """Given, read, removed; those that S3 refuses are refused."""
        self.put()
        tags = [{"Key": "a b", "Value": "ü & <x>"}, {"Key": "c", "Value": ""}]
        where = {"Bucket": "private", "Key": "k"}
        self.s3.put_object_tagging(**where, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_object_tagging(**where)["TagSet"], tags)
        for wrong in (
            [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
            [{"Key": str(number), "Value": ""} for number in range(11)],
            [{"Key": "k" * 129, "Value": ""}],
            [{"Key": "k", "Value": "v" * 257}],
        ):
            code = self.code("put_object_tagging", 400, Key="k", Tagging={"TagSet": wrong})
            self.assertEqual(code, "InvalidTag")
        self.s3.delete_object_tagging(**where)
        self.assertEqual(self.s3.get_object_tagging(**where)["TagSet"], [])
        self.assertEqual(self.code("get_object_tagging", 404, Key="no"), "NoSuchKey")

    def test_metadata_is_bounded(self) -> None:
        """2 KB, as in S3."""
        self.put(Metadata={"a": "x" * 2047})
        code = self.code("put_object", 400, Key="k", Metadata={"a": "x" * 2048})
        self.assertEqual(code, "MetadataTooLarge")

    def test_not_offered(self) -> None:
        """NotImplemented, and nothing happens."""
        for more in ({"ACL": "public-read"}, {"ServerSideEncryption": "AES256"},
                     {"WebsiteRedirectLocation": "/x"}, {"GrantRead": "id=x"}):  # fmt: skip
            self.assertEqual(self.code("put_object", 501, Key="k", **more), "NotImplemented", more)
        self.put(ACL="private")
        for operation, arguments in (
            ("get_object_acl", {"Key": "k"}), ("get_object_attributes",
             {"Key": "k", "ObjectAttributes": ["ETag"]}), ("get_object_retention", {"Key": "k"}),
            ("get_bucket_acl", {}), ("get_bucket_policy", {}), ("get_bucket_lifecycle", {}),
            ("get_bucket_cors", {}), ("get_bucket_tagging", {}), ("get_bucket_website", {}),
            ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
            ("restore_object", {"Key": "k", "RestoreRequest": {"Days": 1}}),
        ):  # fmt: skip
            code = self.code(operation, **arguments)
            self.assertIn(code, ("NotImplemented", "MethodNotAllowed"), operation)
        self.assertEqual(self.read(), b"hello")
