"""The errors of S3."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.storage.s3.errors import ErrorCode, S3Error


class S3ErrorTests(SynchronousTestCase):
    def test_a_code_brings_its_status_and_words(self) -> None:
        error = S3Error(ErrorCode.NoSuchKey, extra={"Key": "k"})
        self.assertEqual((error.code, error.status), ("NoSuchKey", 404))
        self.assertEqual(error.message, "The specified key does not exist.")
        self.assertEqual(error.extra, {"Key": "k"})

    def test_the_raiser_knows_better(self) -> None:
        error = S3Error(ErrorCode.InvalidArgument, "max-keys must be a number.")
        self.assertEqual(error.message, "max-keys must be a number.")
        self.assertEqual(error.extra, {})

    def test_statuses(self) -> None:
        for code in ErrorCode:
            self.assertIn(code.status, (304, *range(400, 600)))
            self.assertTrue(code.message.endswith("."), code.name)
        self.assertEqual(ErrorCode.EntityTooLarge.status, 413)
