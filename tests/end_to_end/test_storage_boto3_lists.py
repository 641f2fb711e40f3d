"""boto3: lists, DeleteObjects, and buckets."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import ALICE, BOB, MASTER, PRIVATE, UPLOADS, StorageTestCase

_KEYS = sorted(
    ("a b.txt", "a+b.txt", "dir/1", "dir/2", "dir/deep/3", "dir2/4", "ü/ö", "z&<>'\"", "~", "😀"),
    key=str.encode,
)
_TOP = ["a b.txt", "a+b.txt", "z&<>'\"", "~", "😀"]
_FOLDERS = ["dir/", "dir2/", "ü/"]


def _keys(page: dict[str, Any]) -> list[str]:
    return [each["Key"] for each in page.get("Contents", [])]


def _folders(page: dict[str, Any]) -> list[str]:
    return [each["Prefix"] for each in page.get("CommonPrefixes", [])]


class ListTests(StorageTestCase, SynchronousTestCase):
    """ListObjects, both versions, and ListObjectVersions."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for key in _KEYS:
            cls.s3.put_object(Bucket=cls.bucket, Key=key, Body=key.encode())

    def pages(self, operation: str, **more: Any) -> list[dict[str, Any]]:
        """All pages."""
        paginator = self.s3.get_paginator(operation)
        return list(paginator.paginate(Bucket=self.bucket, **more))

    def test_all(self) -> None:
        """In the order of the keys' bytes, with what S3 says of each."""
        for operation in (self.s3.list_objects, self.s3.list_objects_v2):
            page = operation(Bucket=self.bucket)
            self.assertEqual(_keys(page), _KEYS)
            self.assertFalse(page["IsTruncated"])
            self.assertEqual((page["Name"], page["MaxKeys"]), (self.bucket, 1000))
            first = page["Contents"][0]
            head = self.s3.head_object(Bucket=self.bucket, Key=first["Key"])
            self.assertEqual(first["ETag"], head["ETag"])
            self.assertEqual(first["Size"], head["ContentLength"])
            seconds = first["LastModified"].replace(microsecond=0)
            self.assertEqual(seconds, head["LastModified"])

    def test_pages(self) -> None:
        """Pages of any size give every key once."""
        for operation in ("list_objects", "list_objects_v2"):
            for size in (1, 3, 10, 11):
                pages = self.pages(operation, PaginationConfig={"PageSize": size})
                self.assertEqual([key for page in pages for key in _keys(page)], _KEYS)
                self.assertTrue(all(len(_keys(page)) <= size for page in pages))

    def test_delimiter(self) -> None:
        """Folders are common prefixes, each once, over pages too."""
        for operation in ("list_objects", "list_objects_v2"):
            for size in (1, 2, 3, 1000):
                pages = self.pages(operation, Delimiter="/", PaginationConfig={"PageSize": size})
                self.assertEqual(sorted(k for page in pages for k in _keys(page)), sorted(_TOP))
                self.assertEqual([f for page in pages for f in _folders(page)], _FOLDERS)

    def test_prefix(self) -> None:
        """With a delimiter and without."""
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="dir/")
        self.assertEqual(_keys(page), ["dir/1", "dir/2", "dir/deep/3"])
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="dir/", Delimiter="/")
        self.assertEqual((_keys(page), _folders(page)), (["dir/1", "dir/2"], ["dir/deep/"]))
        self.assertEqual(page["KeyCount"], 3)
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="a", Delimiter="+b")
        self.assertEqual((_keys(page), _folders(page)), (["a b.txt"], ["a+b"]))
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="a%")
        self.assertEqual((_keys(page), page["KeyCount"]), ([], 0))
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="a_b")
        self.assertEqual(_keys(page), [])

    def test_start(self) -> None:
        """C{start-after} and C{marker} need not be keys that exist."""
        page = self.s3.list_objects_v2(Bucket=self.bucket, StartAfter="dir/1")
        self.assertEqual(_keys(page)[0], "dir/2")
        self.assertEqual(page["StartAfter"], "dir/1")
        page = self.s3.list_objects(Bucket=self.bucket, Marker="dir/2x")
        self.assertEqual(_keys(page)[0], "dir/deep/3")

    def test_max_keys(self) -> None:
        """Zero is none; what is no number is refused."""
        page = self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=0)
        self.assertEqual((_keys(page), page["KeyCount"], page["IsTruncated"]), ([], 0, False))
        self.refused(
            400, "InvalidArgument", self.s3.list_objects_v2, Bucket=self.bucket, MaxKeys=-1
        )

    def test_wrong_token(self) -> None:
        """A continuation token that we did not make."""
        list_objects, token = self.s3.list_objects_v2, "no token of ours"
        self.refused(
            400, "InvalidArgument", list_objects, Bucket=self.bucket, ContinuationToken=token
        )

    def test_characters_that_xml_has_not(self) -> None:
        """Who asks for no C{encoding-type} gets a document that can be read all the same."""
        about = {"Bucket": self.bucket, "Key": "xml/\x01\ufffe\uffff"}
        self.s3.put_object(**about, Body=b"x")
        url = f"{self.server.root_endpoint}/{self.bucket}?list-type=2&prefix=xml/"
        answer = self.curl("-H", f"Authorization: Bearer {ALICE[1]}", url)
        self.s3.delete_object(**about)
        self.assertEqual(answer.status, 200)
        found = ElementTree.fromstring(answer.body)
        self.assertEqual(len(found.findall("{*}Contents")), 1)

    def test_versions(self) -> None:
        """Each object has one version: who empties a bucket asks for them."""
        page = self.s3.list_object_versions(Bucket=self.bucket, Prefix="dir/")
        found = [(each["Key"], each["VersionId"], each["IsLatest"]) for each in page["Versions"]]
        self.assertEqual(found, [(key, "null", True) for key in ("dir/1", "dir/2", "dir/deep/3")])

    def test_owner(self) -> None:
        """Only on demand in version 2."""
        page = self.s3.list_objects_v2(Bucket=self.bucket, FetchOwner=True)
        self.assertIn("Owner", page["Contents"][0])
        self.assertNotIn("Owner", self.s3.list_objects_v2(Bucket=self.bucket)["Contents"][0])


class DeleteObjectsTests(StorageTestCase, SynchronousTestCase):
    """Many at once."""

    def test_delete_objects(self) -> None:
        """A thousand keys, those that are not there too; quietly or not."""
        s3 = self.s3
        keys = ["there", "there too", "a&b<c>", "no such"]
        for key in keys[:3]:
            s3.put_object(Bucket=self.bucket, Key=key, Body=b"x")
        done = s3.delete_objects(
            Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in keys]}
        )
        self.assertEqual(sorted(each["Key"] for each in done["Deleted"]), sorted(keys))
        self.assertNotIn("Errors", done)
        self.assertEqual(s3.list_objects_v2(Bucket=self.bucket)["KeyCount"], 0)
        many = [{"Key": str(number)} for number in range(1000)]
        done = s3.delete_objects(Bucket=self.bucket, Delete={"Objects": many, "Quiet": True})
        self.assertNotIn("Deleted", done)
        too_many = {"Objects": [*many, {"Key": "one more"}]}
        self.refused(400, "MalformedXML", s3.delete_objects, Bucket=self.bucket, Delete=too_many)


class BucketTests(StorageTestCase, SynchronousTestCase):
    """Who makes which buckets and deletes them."""

    def test_master(self) -> None:
        """The master key makes buckets, deletes empty ones, and sees all."""
        s3 = self.server.client(MASTER)
        s3.create_bucket(Bucket="made-by-master")
        names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
        expected = {"made-by-master", self.bucket, "private", "short", "small", "uploads"}
        self.assertLessEqual(expected, set(names))
        s3.head_bucket(Bucket="made-by-master")
        s3.create_bucket(Bucket="made-by-master")
        self.assertIsNone(s3.get_bucket_location(Bucket="uploads")["LocationConstraint"])
        s3.put_object(Bucket="made-by-master", Key="k", Body=b"x")
        self.refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket="made-by-master")
        s3.delete_object(Bucket="made-by-master", Key="k")
        s3.delete_bucket(Bucket="made-by-master")
        self.refused(404, "404", s3.head_bucket, Bucket="made-by-master")
        self.refused(404, "NoSuchBucket", s3.delete_bucket, Bucket="made-by-master")
        self.refused(404, "NoSuchBucket", s3.list_objects_v2, Bucket="made-by-master")

    def test_names(self) -> None:
        """Names that S3 would not take, and our own paths."""
        s3 = self.server.client(MASTER)
        for name in ("UPPER", "ab", "a..b", "health", "presign", "mcp", "192.168.1.1"):
            self.refused(400, "InvalidBucketName", s3.create_bucket, Bucket=name)

    def test_users(self) -> None:
        """Each user has the buckets that it made, and no others."""
        alice, bob = self.server.client(ALICE), self.server.client(BOB)
        alice.create_bucket(Bucket="of-alice")
        alice.create_bucket(Bucket="of-alice")
        alice.put_object(Bucket="of-alice", Key="k", Body=b"x")
        names = [each["Name"] for each in alice.list_buckets()["Buckets"]]
        self.assertLessEqual({self.bucket, "of-alice"}, set(names))
        self.assertNotIn("uploads", names)
        self.assertEqual(bob.list_buckets()["Buckets"], [])
        self.refused(409, "BucketAlreadyExists", bob.create_bucket, Bucket="of-alice")
        self.refused(409, "BucketAlreadyExists", alice.create_bucket, Bucket="uploads")
        for call in (bob.list_objects_v2, bob.delete_bucket):
            self.refused(403, "AccessDenied", call, Bucket="of-alice")
        for call in (bob.get_object, bob.delete_object, bob.put_object):
            self.refused(403, "AccessDenied", call, Bucket="of-alice", Key="k")
        self.refused(403, "403", bob.head_object, Bucket="of-alice", Key="k")
        self.refused(403, "AccessDenied", alice.put_object, Bucket="private", Key="k", Body=b"x")
        self.refused(403, "AccessDenied", alice.delete_bucket, Bucket="uploads")
        self.server.client(MASTER).delete_object(Bucket="of-alice", Key="k")
        alice.delete_bucket(Bucket="of-alice")

    def test_key_of_a_bucket(self) -> None:
        """It opens its own bucket alone."""
        s3 = self.server.client(UPLOADS)
        self.assertEqual([each["Name"] for each in s3.list_buckets()["Buckets"]], ["uploads"])
        s3.create_bucket(Bucket="uploads")
        self.refused(403, "AccessDenied", s3.create_bucket, Bucket="another")
        self.refused(403, "AccessDenied", s3.put_object, Bucket="private", Key="k", Body=b"x")
        self.refused(403, "AccessDenied", s3.get_object, Bucket="private", Key="k")
        self.refused(403, "AccessDenied", s3.list_objects_v2, Bucket="private")
        self.refused(403, "403", s3.head_bucket, Bucket="private")
        reader = self.server.client(PRIVATE)
        reader.list_objects_v2(Bucket="uploads")
        self.refused(403, "AccessDenied", reader.delete_object, Bucket="uploads", Key="k")
