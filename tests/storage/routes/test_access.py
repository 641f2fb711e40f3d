"""Who may do what over HTTP, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.support.storage import (
    ALICE,
    BOB,
    MASTER_KEY,
    PRIVATE_KEY,
    UPLOADS_KEY,
    SiteCase,
)
from twisted_aigate.storage.buckets import AccessKey

_READS = (
    ("GET", "/{}/k"), ("HEAD", "/{}/k"), ("GET", "/{}"), ("HEAD", "/{}"),
)  # fmt: skip
_WRITES = (
    ("PUT", "/{}/k"), ("DELETE", "/{}/k2"), ("POST", "/presign/{}/k"), ("PUT", "/{}"),
)  # fmt: skip
_S3_READS: tuple[Callable[[Any, str], object], ...] = (
    lambda s3, bucket: s3.get_object(Bucket=bucket, Key="k"),
    lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    lambda s3, bucket: s3.list_objects(Bucket=bucket),
    lambda s3, bucket: s3.list_object_versions(Bucket=bucket),
    lambda s3, bucket: s3.get_bucket_location(Bucket=bucket),
)
_S3_WRITES: tuple[Callable[[Any, str], object], ...] = (
    lambda s3, bucket: s3.put_object(Bucket=bucket, Key="k", Body=b"hello"),
    lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="k2"),
    lambda s3, bucket: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k2"}]}),
    lambda s3, bucket: s3.copy_object(Bucket=bucket, Key="k3", CopySource="uploads/k"),
    lambda s3, bucket: s3.create_multipart_upload(Bucket=bucket, Key="k"),
    lambda s3, bucket: s3.list_multipart_uploads(Bucket=bucket),
    lambda s3, bucket: s3.get_object_tagging(Bucket=bucket, Key="k"),
    lambda s3, bucket: s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []}),
    lambda s3, bucket: s3.delete_object_tagging(Bucket=bucket, Key="k"),
)


class AccessTests(SiteCase):
    """Nobody, a bucket's key, users, the master; public and private."""

    def setUp(self) -> None:
        super().setUp()
        for bucket in ("uploads", "private"):
            self.request("PUT", f"/{bucket}/k", b"hello", key="sk-master")
        self.result(self.buckets.make("pictures", ALICE, 0.0))
        self.request("PUT", "/pictures/k", b"hello", key="sk-alice")

    def allowed(self, key: AccessKey | None) -> tuple[set[str], set[str]]:
        """The buckets that a key may read, and those that it may write to."""
        owned = {
            None: set(), MASTER_KEY: {"uploads", "private", "pictures"},
            UPLOADS_KEY: {"uploads"}, PRIVATE_KEY: {"private"}, ALICE: {"pictures"}, BOB: set(),
        }[key]  # fmt: skip
        return owned | {"uploads"}, owned

    def test_plain(self) -> None:
        """JSON: 401 with a challenge for nobody, 403 for a key that does not open it."""
        for key in (None, MASTER_KEY, UPLOADS_KEY, PRIVATE_KEY, ALICE, BOB):
            may_read, may_write = self.allowed(key)
            token = "" if key is None else key.secret.reveal()
            for calls, buckets in ((_READS, may_read), (_WRITES, may_write)):
                for method, path in calls:
                    for bucket in ("uploads", "private", "pictures"):
                        body = b"hello" if path == "/{}/k" and method == "PUT" else b""
                        answer = self.request(method, path.format(bucket), body, key=token)
                        case = (key and key.public, method, path, bucket)
                        if bucket in buckets:
                            self.assertIn(answer.status, (200, 204), case)
                        elif (method, path) == ("PUT", "/{}") and key in (ALICE, BOB):
                            # The name is another's: S3 has its own word for it.
                            self.assertEqual(answer.status, 409, case)
                        else:
                            self._refused(answer, key, case)

    def _refused(self, answer: Any, key: AccessKey | None, case: object) -> None:
        self.assertEqual(answer.status, 401 if key is None else 403, case)
        self.assertEqual(answer.field("content-type"), "application/json", case)
        challenge = answer.field("www-authenticate")
        self.assertEqual(challenge is not None, key is None, case)

    def test_s3(self) -> None:
        """XML: AccessDenied."""
        for key in (MASTER_KEY, UPLOADS_KEY, PRIVATE_KEY, ALICE, BOB):
            self._s3(self.boto3(key), key)
        self._s3(self.boto3(BOB, signature_version=UNSIGNED), None)

    def _s3(self, s3: Any, key: AccessKey | None) -> None:
        may_read, may_write = self.allowed(key)
        for calls, buckets in ((_S3_READS, may_read), (_S3_WRITES, may_write)):
            for number, call in enumerate(calls):
                for bucket in ("uploads", "private", "pictures"):
                    case = (key and key.public, number, bucket)
                    if bucket in buckets:
                        call(s3, bucket)
                        continue
                    with self.assertRaises(ClientError) as caught:
                        call(s3, bucket)
                    error = caught.exception.response
                    self.assertEqual(error["Error"]["Code"], "AccessDenied", case)
                    self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 403, case)

    def test_making_and_deleting_buckets(self) -> None:
        """The master and users may; a bucket's key only asks for its own; nobody may nothing."""
        for key, status in ((None, 401), (UPLOADS_KEY, 403), (ALICE, 200), (MASTER_KEY, 200)):
            token = "" if key is None else key.secret.reveal()
            name = f"made-{status}-{len(token)}"
            self.assertEqual(self.request("PUT", f"/{name}", key=token).status, status)
            if status == 200:
                self.assertEqual(self.request("DELETE", f"/{name}", key="sk-bob").status, 403)
                self.assertEqual(self.request("DELETE", f"/{name}", key=token).status, 204)

    def test_list_of_buckets(self) -> None:
        """Needs a key, in both languages."""
        self.json(self.request("GET", "/"), 401)
        with self.assertRaises(ClientError) as caught:
            self.boto3(BOB, signature_version=UNSIGNED).list_buckets()
        self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDenied")
        found = self.boto3(ALICE).list_buckets()
        self.assertEqual([each["Name"] for each in found["Buckets"]], ["pictures"])
        self.assertEqual(found["Owner"]["ID"], "alice")

    def test_wrong_tokens(self) -> None:
        """401 even where nothing is needed: whoever presents a key means it."""
        for field in (
            "Bearer sk-wrong",
            "Bearer",
            "Bearer ",
            "Basic c2s6",
            "sk-master",
            "Bearer uploads",
        ):
            answer = self.request("GET", "/uploads/k", Authorization=field)
            self.json(answer, 401)
            self.assertIsNotNone(answer.field("www-authenticate"))
            self.assertNotIn(b"sk-", answer.body)

    def test_wrong_signatures(self) -> None:
        """S3's own codes, and nothing of the right signature."""
        wrong = AccessKey("uploads", PRIVATE_KEY.secret, "uploads", "uploads")
        nobody = AccessKey("nobody", PRIVATE_KEY.secret, "nobody")
        for key, code in ((wrong, "SignatureDoesNotMatch"), (nobody, "InvalidAccessKeyId")):
            with self.assertRaises(ClientError) as caught:
                self.boto3(key).get_object(Bucket="uploads", Key="k")
            self.assertEqual(caught.exception.response["Error"]["Code"], code)
            self.assertNotIn("sk-", str(caught.exception.response))

    def test_copy_needs_the_source(self) -> None:
        """Who may write to the target but not read the source copies nothing."""
        s3 = self.boto3(UPLOADS_KEY)
        with self.assertRaises(ClientError) as caught:
            s3.copy_object(Bucket="uploads", Key="stolen", CopySource="private/k")
        self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDenied")
        self.assertEqual(self.request("GET", "/uploads/stolen").status, 404)

    def test_presigned_with_version_2(self) -> None:
        """As boto3 does it by default: it opens what its key opens, and errors are in XML."""
        for always_s3, prefix in ((False, "/storage"), (True, "")):
            self.always_s3, self.prefix = always_s3, prefix
            self.site = self.make_site()
            for key, bucket, status in (
                (PRIVATE_KEY, "private", 200), (ALICE, "pictures", 200),
                (MASTER_KEY, "private", 200),
                (BOB, "private", 403), (UPLOADS_KEY, "private", 403),
            ):  # fmt: skip
                s3 = self.boto3(key, signature_version="s3-query")
                about = {"Bucket": bucket, "Key": "k", "ResponseContentType": "text/x"}
                url = s3.generate_presigned_url("get_object", about, 60)
                path = url.partition(f"test:4000{prefix}")[2]
                answer = self.request("GET", path)
                self.assertEqual(answer.status, status, answer.body)
                if status == 200:
                    self.assertEqual((answer.body, answer.field("content-type")),
                                     (b"hello", "text/x"))  # fmt: skip
                else:
                    self.assertIn(b"<Code>AccessDenied</Code>", answer.body)
                moved = self.request("GET", path.replace("/k?", "/k2?"))
                self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", moved.body)
                unknown = self.request("GET", path.replace("AccessKeyId=", "AccessKeyId=x"))
                self.assertIn(b"<Code>InvalidAccessKeyId</Code>", unknown.body)

    def test_version_2_writes(self) -> None:
        """With the headers that were signed."""
        s3 = self.boto3(PRIVATE_KEY, signature_version="s3-query")
        about = {"Bucket": "private", "Key": "new", "ContentType": "text/x", "Metadata": {"a": "b"}}
        path = s3.generate_presigned_url("put_object", about, 60).partition("/storage")[2]
        fields = {"Content-Type": "text/x", "x-amz-meta-a": "b"}
        self.assertEqual(self.request("PUT", path, b"body", **fields).status, 200)
        found = self.boto3(PRIVATE_KEY).head_object(Bucket="private", Key="new")
        self.assertEqual((found["ContentType"], found["Metadata"]), ("text/x", {"a": "b"}))
        fields["x-amz-meta-a"] = "c"
        self.assertEqual(self.request("PUT", path, b"body", **fields).status, 403)
        self.clock.advance(62)
        late = self.request("PUT", path, b"body", **fields)
        self.assertEqual(late.status, 403)
        self.assertIn(b"<Message>Request has expired</Message>", late.body)
