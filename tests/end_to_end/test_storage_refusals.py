"""S3: what is refused, whoever signs it: wrong signatures, and what is not offered."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from botocore.client import BaseClient
from botocore.compat import get_current_datetime
from botocore.exceptions import ClientError
from botocore.model import Shape
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import ALICE, BOB, StorageTestCase, s3

_OFFERED = """
    abort_multipart_upload complete_multipart_upload copy_object create_bucket
    create_multipart_upload delete_bucket delete_object delete_object_tagging delete_objects
    get_bucket_location get_bucket_versioning get_object get_object_tagging head_bucket head_object
    list_buckets list_multipart_uploads list_object_versions list_objects list_objects_v2 list_parts
    put_object put_object_tagging upload_part upload_part_copy
    """
# Calls of other hosts than the store's own.
_ELSEWHERE = frozenset(("list_directory_buckets", "write_get_object_response"))
_CUSTOMER = {
    "SSECustomerAlgorithm": "AES256",
    "SSECustomerKey": base64.b64encode(bytes(32)).decode(),
    "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(bytes(32)).digest()).decode(),
}


def _sample(shape: Shape, inside: bool = False) -> Any:
    """The least that boto3 takes for a parameter."""
    if shape.type_name == "structure":
        members = dict(shape.members)
        if getattr(shape, "is_tagged_union", False):
            name, member = next(iter(members.items()))
            return {name: _sample(member, True)}
        wanted = [name for name in members if name in shape.required_members]
        return {name: _sample(members[name], True) for name in wanted}
    if shape.type_name == "list":
        return [_sample(shape.member, True)]
    if shape.type_name == "string":
        return (getattr(shape, "enum", None) or ["x" * 20])[0]
    plain = {"integer": 1, "long": 1, "boolean": True, "blob": b"x", "timestamp": 0, "map": {}}
    return plain[shape.type_name]


class NotOfferedTests(StorageTestCase, SynchronousTestCase):
    """C{NotImplemented}, and nothing is changed."""

    def setUp(self) -> None:
        self.about = {"Bucket": self.bucket, "Key": "k"}
        self.s3.put_object(**self.about, Body=b"untouched")

    def outcome(self, call: Any, **arguments: Any) -> str:
        """The code of the refusal; C{200} if there is none."""
        try:
            call(**arguments)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "200"

    def test_every_other_operation(self) -> None:
        """All that boto3 can call beside what is offered."""
        outcomes = {}
        operations: dict[str, str] = self.s3.meta.method_to_api_mapping
        for method in sorted(set(operations) - set(_OFFERED.split()) - _ELSEWHERE):
            shape = self.s3.meta.service_model.operation_model(operations[method]).input_shape
            arguments = _sample(shape)
            arguments |= {name: self.about[name] for name in self.about if name in arguments}
            outcome = self.outcome(getattr(self.s3, method), **arguments)
            if outcome != "NotImplemented":
                outcomes[method] = outcome
            about = {"Bucket": self.bucket}
            keys = [each["Key"] for each in self.s3.list_objects(**about).get("Contents", [])]
            if keys != ["k"] or self.s3.get_object(**self.about)["Body"].read() != b"untouched":
                outcomes[method] = f"{outcome}, and the object is changed: {keys}"
                for key in keys:
                    self.s3.delete_object(Bucket=self.bucket, Key=key)
                self.s3.put_object(**self.about, Body=b"untouched")
        self.assertEqual(outcomes, {})

    def test_fields(self) -> None:
        """What a write asks for beside the bytes and would not get."""
        put = {"Body": b"changed"}
        refused: list[dict[str, Any]] = [
            {"ServerSideEncryption": "AES256"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "x"},
            _CUSTOMER,
            {"ACL": "public-read"},
            {"GrantRead": "id=x"},
            {"WebsiteRedirectLocation": "/x"},
            {"ObjectLockLegalHoldStatus": "ON"},
            {"IfNoneMatch": '"an etag"'},
        ]
        outcomes = [self.outcome(self.s3.put_object, **self.about, **put, **f) for f in refused]
        wrong = [f for f, outcome in zip(refused, outcomes, strict=True) if outcome == "200"]
        self.assertEqual(wrong, [])
        source = {"CopySource": self.about}
        outcome = self.outcome(
            self.s3.copy_object, Bucket=self.bucket, Key="c", **source, ACL="public-read"
        )
        self.assertEqual(outcome, "NotImplemented")
        begin = self.s3.create_multipart_upload
        self.assertEqual(self.outcome(begin, **self.about, **_CUSTOMER), "NotImplemented")
        self.assertEqual(self.s3.get_object(**self.about)["Body"].read(), b"untouched")

    def test_customers_key_when_reading(self) -> None:
        """Who names a key believes that the object is encrypted with it."""
        for call in (self.s3.get_object, self.s3.head_object):
            self.assertNotEqual(self.outcome(call, **self.about, **_CUSTOMER), "200")

    def test_versions(self) -> None:
        """The only version of an object is C{null}."""
        get, delete = self.s3.get_object, self.s3.delete_object
        self.assertEqual(get(**self.about, VersionId="null")["Body"].read(), b"untouched")
        for call in (get, delete):
            self.refused(404, "NoSuchVersion", call, **self.about, VersionId="abc")
        self.assertEqual(self.s3.get_object(**self.about)["Body"].read(), b"untouched")


class SignatureTests(StorageTestCase, SynchronousTestCase):
    """Who is not who it says."""

    def setUp(self) -> None:
        self.about = {"Bucket": self.bucket, "Key": "signed"}
        self.s3.put_object(**self.about, Body=b"untouched")

    def client(self, keys: tuple[str, str]) -> BaseClient:
        """A client."""
        return s3(self.server.endpoint, keys)

    def test_wrong_secret(self) -> None:
        """Every operation is 403, and nothing is done."""
        wrong = self.client((ALICE[0], BOB[1]))
        code = "SignatureDoesNotMatch"
        self.refused(403, code, wrong.get_object, **self.about)
        self.refused(403, code, wrong.put_object, **self.about, Body=b"changed")
        self.refused(403, code, wrong.delete_object, **self.about)
        self.refused(403, code, wrong.list_objects_v2, Bucket=self.bucket)
        self.refused(403, code, wrong.list_buckets)
        self.assertEqual(self.s3.get_object(**self.about)["Body"].read(), b"untouched")

    def test_unknown_key(self) -> None:
        """An access key that there is not."""
        unknown = self.client(("nobody", BOB[1]))
        self.refused(403, "InvalidAccessKeyId", unknown.get_object, **self.about)

    def test_skew(self) -> None:
        """Signed 20 minutes ago, or for in 20 minutes; 14 minutes are taken."""
        for minutes, refused in ((-20, True), (20, True), (-14, False), (14, False)):
            delta = timedelta(minutes=minutes)

            def clock(delta: timedelta = delta, **given: bool) -> datetime:
                moment: datetime = get_current_datetime(**given)
                return moment + delta

            with mock.patch("botocore.crt.auth.get_current_datetime", clock):
                if refused:
                    code = "RequestTimeTooSkewed"
                    self.refused(403, code, self.s3.get_object, **self.about)
                    self.refused(403, code, self.s3.put_object, **self.about, Body=b"changed")
                else:
                    body = self.s3.get_object(**self.about)["Body"].read()
                    self.assertEqual(body, b"untouched")

    def test_error_is_xml(self) -> None:
        """With its code, resource and request id, and no more than that."""
        answer = self.refused(
            404, "NoSuchKey", self.s3.get_object, Bucket=self.bucket, Key="not there"
        )
        fields = answer["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(fields["content-type"], "application/xml")
        self.assertTrue(fields["x-request-id"])
        self.assertEqual(fields["x-content-type-options"], "nosniff")
