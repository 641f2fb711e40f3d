"""S3's operations on buckets and its lists, called and read by botocore."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.storage.routes.test_s3_objects import S3Case
from tests.support.storage import ALICE, BOB, UPLOADS_KEY


class BucketsTests(S3Case):
    """Made, looked at, deleted."""

    def test_list(self) -> None:
        """Those that one owns."""
        self.boto3(ALICE).create_bucket(Bucket="pictures")
        found = self.s3.list_buckets()
        self.assertEqual([each["Name"] for each in found["Buckets"]],
                         ["pictures", "private", "uploads"])  # fmt: skip
        self.assertEqual(found["Owner"]["ID"], "master")

    def test_make(self) -> None:
        """Again and again by its owner; 409 for others."""
        alice = self.boto3(ALICE)
        for _ in range(2):
            alice.create_bucket(
                Bucket="pictures",
                CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            )
        self.s3 = self.boto3(BOB)
        self.assertEqual(self.code("create_bucket", 409, Bucket="pictures"), "BucketAlreadyExists")
        self.s3 = self.boto3(UPLOADS_KEY)
        self.s3.create_bucket(Bucket="uploads")
        self.assertEqual(self.code("create_bucket", 403, Bucket="other"), "AccessDenied")

    def test_delete(self) -> None:
        """An empty one that was made."""
        self.s3.create_bucket(Bucket="made")
        self.s3.put_object(Bucket="made", Key="k", Body=b"")
        self.assertEqual(self.code("delete_bucket", 409, Bucket="made"), "BucketNotEmpty")
        self.s3.delete_object(Bucket="made", Key="k")
        self.s3.delete_bucket(Bucket="made")
        self.assertEqual(self.code("delete_bucket", 404, Bucket="made"), "NoSuchBucket")
        self.assertEqual(self.code("delete_bucket", 405), "MethodNotAllowed")

    def test_look(self) -> None:
        """There or not; in the first region; without versions."""
        found = self.s3.head_bucket(Bucket="private")
        self.assertEqual(found["BucketRegion"], "us-east-1")
        self.assertEqual(self.code("head_bucket", 404, Bucket="nothing"), "404")
        self.assertIsNone(self.s3.get_bucket_location(Bucket="private")["LocationConstraint"])
        self.assertNotIn("Status", self.s3.get_bucket_versioning(Bucket="private"))


class ListsTests(S3Case):
    """Pages, prefixes, tokens, encodings."""

    def setUp(self) -> None:
        super().setUp()
        for key in ("a", "b/1", "b/2", "c/1", "d", "ü x"):
            self.put(key)

    def keys(self, found: dict[str, Any]) -> tuple[list[str], list[str]]:
        return (
            [each["Key"] for each in found.get("Contents", found.get("Versions", []))],
            [each["Prefix"] for each in found.get("CommonPrefixes", [])],
        )

    def test_whole(self) -> None:
        """Each with what is said of it."""
        found = self.s3.list_objects_v2(Bucket="private", FetchOwner=True)
        self.assertEqual(self.keys(found)[0], ["a", "b/1", "b/2", "c/1", "d", "ü x"])
        self.assertEqual((found["KeyCount"], found["IsTruncated"], found["MaxKeys"]),
                         (6, False, 1000))  # fmt: skip
        first = found["Contents"][0]
        self.assertEqual((first["Size"], first["ETag"], first["StorageClass"]),
                         (5, '"5d41402abc4b2a76b9719d911017c592"', "STANDARD"))  # fmt: skip
        self.assertEqual(first["Owner"]["ID"], "private")
        self.assertEqual(first["LastModified"].timestamp(), self.clock.seconds())

    def test_delimiter(self) -> None:
        """Common prefixes count as keys."""
        for name in ("list_objects", "list_objects_v2", "list_object_versions"):
            found = getattr(self.s3, name)(Bucket="private", Delimiter="/")
            self.assertEqual(self.keys(found), (["a", "d", "ü x"], ["b/", "c/"]), name)
            found = getattr(self.s3, name)(Bucket="private", Delimiter="/", Prefix="b/")
            self.assertEqual(self.keys(found), (["b/1", "b/2"], []), name)

    def test_pages(self) -> None:
        """Whatever their size, each key and prefix comes once."""
        for name in ("list_objects", "list_objects_v2", "list_object_versions"):
            for delimiter in ("", "/"):
                for size in (1, 2, 4):
                    pages = self.s3.get_paginator(name).paginate(
                        Bucket="private", Delimiter=delimiter, PaginationConfig={"PageSize": size}
                    )
                    found = [self.keys(page) for page in pages]
                    keys = [key for page in found for key in page[0]]
                    prefixes = [prefix for page in found for prefix in page[1]]
                    case = (name, delimiter, size)
                    self.assertTrue(all(len(k) + len(p) <= size for k, p in found), case)
                    if delimiter:
                        self.assertEqual((keys, prefixes),
                                         (["a", "d", "ü x"], ["b/", "c/"]), case)  # fmt: skip
                    else:
                        self.assertEqual(len(keys), 6, case)
                        self.assertEqual(keys, sorted(keys), case)

    def test_start(self) -> None:
        """From behind a key; the token goes before it."""
        found = self.s3.list_objects_v2(Bucket="private", StartAfter="b/1", MaxKeys=2)
        self.assertEqual((self.keys(found)[0], found["StartAfter"]), (["b/2", "c/1"], "b/1"))
        token = found["NextContinuationToken"]
        found = self.s3.list_objects_v2(Bucket="private", StartAfter="b/1", ContinuationToken=token)
        self.assertEqual((self.keys(found)[0], found["ContinuationToken"]), (["d", "ü x"], token))

    def test_wrong(self) -> None:
        """400."""
        for arguments in (
            {"ContinuationToken": "%%%"}, {"ContinuationToken": "/w=="}, {"MaxKeys": -1},
            {"EncodingType": "base64"},
        ):  # fmt: skip
            code = self.code("list_objects_v2", 400, **arguments)
            self.assertEqual(code, "InvalidArgument", arguments)

    def test_unprintable_keys(self) -> None:
        """XML that can be read, for clients that ask for no encoding too."""
        keys = ("\x01", "a\rb", "a\nb", "a\tb", "<&>\"'", "\ufffe", "\uffff", "\x7f")
        for key in keys:
            self.put(f"x/{key}")
        found = self.s3.list_objects_v2(Bucket="private", Prefix="x/")
        self.assertEqual(sorted(self.keys(found)[0]), sorted(f"x/{key}" for key in keys))
        # botocore asks for the encoding unless it is told not to.
        self.s3.meta.events.register(
            "before-call.s3.ListObjectsV2", lambda params, **_: _plainly(params)
        )
        found = self.s3.list_objects_v2(Bucket="private", Prefix="x/")
        shown = self.keys(found)[0]
        self.assertEqual(len(shown), len(keys))
        for key in ("a\rb", "a\nb", "a\tb", "<&>\"'", "\x7f"):
            self.assertIn(f"x/{key}", shown)

    def test_numbers(self) -> None:
        """No number is too long for an answer."""
        for text in ("1" * 5000, "x", "²"):
            answer = self.request("GET", f"/uploads?list-type=2&max-keys={quote(text)}")
            self.assertEqual(answer.status, 400, text[:9])


def _plainly(params: dict[str, Any]) -> None:
    params["query_string"].pop("encoding-type", None)
    params["url"] = params["url"].replace("encoding-type=url", "x-id=plain")
    params["context"]["encoding_type_auto_set"] = False
