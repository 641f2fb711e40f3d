"""The buckets and keys of the configuration, and what is said of wrong ones."""

from __future__ import annotations

import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import Configuration, SettingsError, load
from twisted_aigate.storage.buckets import (
    RESERVED,
    ConfiguredStorage,
    configured_storage,
    valid_bucket_name,
)
from twisted_aigate.storage.models import Bucket
from twisted_aigate.storage.tree import missing


class _Configured(SynchronousTestCase):
    def configuration(self, text: str = "", **variables: str) -> Configuration:
        """A configuration of that file and those variables."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, folder)
        path = folder / "config.yaml"
        path.write_text(text, "utf-8")
        environment = {"LITELLM_MASTER_KEY": "sk-m", "AIGATE_CONFIG": str(path), **variables}
        return load(environment, folder)

    def configured(self, text: str = "", **variables: str) -> ConfiguredStorage:
        """What it says of storage."""
        return configured_storage(self.configuration(text, **variables))


class ConfiguredStorageTests(_Configured):
    """What the configuration says."""

    def test_default(self) -> None:
        """The bucket uploads, public, for a week, of at most 100 MB an object, and no key."""
        found = self.configured()
        self.assertEqual(
            found.buckets,
            (Bucket("uploads", "uploads", True, 168 * 3600.0, 100 * 2**20, 0.0, True),),
        )
        self.assertEqual(found.keys, ())

    def test_variables(self) -> None:
        """Keys, limits and names out of the environment."""
        found = self.configured(
            HYBRIDS3_MASTER_KEY="sk-a", HYBRIDS3_MASTER_PUBLIC_KEY="root",
            HYBRIDS3_UPLOADS_KEY="sk-b", HYBRIDS3_UPLOADS_TTL="1d", HYBRIDS3_UPLOADS_MAX_SIZE="5KB",
        )  # fmt: skip
        self.assertEqual((found.buckets[0].ttl, found.buckets[0].max_file_size), (86400, 5120))
        shown = [(key.public, key.secret.reveal(), key.bucket, key.master) for key in found.keys]
        self.assertEqual(
            shown, [("root", "sk-a", None, True), ("uploads", "sk-b", "uploads", False)]
        )

    def test_sections(self) -> None:
        """More buckets, and users."""
        found = self.configured(
            "buckets:\n"
            "  docs: {key: sk-docs, public_key: AKDOCS, ttl: 2d12h, max_file_size: 10MB}\n"
            "  open: {key: os.environ/OPEN, public: true, ttl: 0, max_file_size: 500}\n"
            "users:\n  alice: {access_key: AKALICE, secret_key: sk-alice}\n",
            OPEN="sk-open",
        )
        self.assertEqual([bucket.name for bucket in found.buckets], ["uploads", "docs", "open"])
        _, docs, public = found.buckets
        self.assertEqual((docs.public, docs.ttl, docs.max_file_size), (False, 216000, 10 * 2**20))
        self.assertEqual((public.public, public.ttl, public.max_file_size), (True, 0, 500))
        self.assertEqual(
            [(key.public, key.secret.reveal(), key.owner, key.bucket) for key in found.keys],
            [
                ("AKDOCS", "sk-docs", "docs", "docs"),
                ("open", "sk-open", "open", "open"),
                ("AKALICE", "sk-alice", "alice", None),
            ],
        )

    def test_uploads_of_the_file(self) -> None:
        """The file's bucket uploads stands in place of the default."""
        found = self.configured(
            "buckets: {uploads: {key: sk-file}}", HYBRIDS3_UPLOADS_KEY="sk-environment"
        )
        self.assertEqual([bucket.public for bucket in found.buckets], [False])
        self.assertEqual([key.secret.reveal() for key in found.keys], ["sk-file"])

    def test_secrets_do_not_print(self) -> None:
        """Keys mask their secrets."""
        self.assertNotIn("sk-a", repr(self.configured(HYBRIDS3_MASTER_KEY="sk-a")))


class WrongConfigurationTests(_Configured):
    """One line that says where and what, without any secret."""

    def wrong(self, text: str, *said: str) -> None:
        """The file is refused with those words."""
        configuration = self.configuration(text, HYBRIDS3_MASTER_KEY="sk-hidden")
        error = str(self.assertRaises(SettingsError, configured_storage, configuration))
        self.assertTrue(error.startswith("AIGATE_CONFIG: "), error)
        self.assertNotIn("\n", error)
        self.assertNotIn("sk-hidden", error)
        for word in said:
            self.assertIn(word, error)

    def test_names(self) -> None:
        """A bucket's name is one that S3 takes, and no path of ours."""
        for name in ("ab", "Upper", "a_b", "a..b", "-ab", "1.2.3.4", "presign", "é" * 5):
            self.wrong(f"buckets: {{'{name}': {{key: k}}}}", name)

    def test_limits(self) -> None:
        """Durations and sizes."""
        self.wrong("buckets: {docs: {key: k, ttl: soon}}", "docs", "soon", "duration")
        self.wrong("buckets: {docs: {key: k, max_file_size: 5XB}}", "docs", "5XB", "size")
        self.wrong("buckets: {docs: {key: k, ttl: -5}}", "docs", "-5")

    def test_keys(self) -> None:
        """Missing, empty or with blanks in it; the value is not repeated."""
        for key in ("''", "'a b'", "'schlüssel'"):
            self.wrong(f"buckets: {{docs: {{key: {key}}}}}", "docs", "key")
            self.wrong(f"users: {{al: {{access_key: a, secret_key: {key}}}}}", "al", "secret_key")

    def test_shapes_name_the_entry(self) -> None:
        """What is missing, unknown or of another kind is named with its bucket or user."""
        self.wrong("buckets: {docs: {public: true}}", "docs", "key")
        self.wrong("buckets: {docs: {key: os.environ/UNSET}}", "docs", "key")
        self.wrong("buckets: {docs: {key: k, pubic: true}}", "docs", "pubic")
        self.wrong("buckets: {docs: {key: k, public: perhaps}}", "docs", "public")
        self.wrong("users: {alice: {access_key: a}}", "alice", "secret_key")

    def test_shapes(self) -> None:
        """A section that is no mapping at all."""
        for text in ("buckets: [docs]", "buckets: 5", "buckets: {docs: private}"):
            self.wrong(text, "buckets")
        self.wrong("users: [alice]", "users")

    def test_twice(self) -> None:
        """An access key opens one thing."""
        self.wrong("buckets: {docs: {key: k, public_key: master}}", "master", "twice")
        self.wrong("users: {a: {access_key: k, secret_key: s}, b: {access_key: k, secret_key: t}}",
                   "'k'", "twice")  # fmt: skip

    def test_users_named_as_an_owner(self) -> None:
        """A user's name must not make it the owner of what others own."""
        self.wrong("users: {master: {access_key: a, secret_key: s}}", "users", "master")
        self.wrong(
            "buckets: {docs: {key: k}}\nusers: {docs: {access_key: a, secret_key: s}}", "docs"
        )
        self.wrong("users: {uploads: {access_key: a, secret_key: s}}", "uploads")

    def test_access_keys_that_nobody_can_use(self) -> None:
        """An access key stands between commas and slashes of a header."""
        for public in ("''", "'a b'", "a/b", "ä"):
            self.wrong(f"users: {{al: {{access_key: {public}, secret_key: s}}}}", "access_key")


class SwitchTests(_Configured):
    """When storage is on."""

    def test_switch(self) -> None:
        """Unset means on when there is a key; 0 is off; 1 without a key stops the start."""
        self.assertIsNone(missing(self.configuration(HYBRIDS3_UPLOADS_KEY="sk-a")))
        self.assertIsNone(missing(self.configuration("buckets: {docs: {key: k}}")))
        self.assertIn("HYBRIDS3_MASTER_KEY", missing(self.configuration()) or "")
        off = missing(self.configuration(HYBRIDS3="0", HYBRIDS3_UPLOADS_KEY="sk-a"))
        self.assertIn("HYBRIDS3=0", off or "")
        error = self.assertRaises(SettingsError, missing, self.configuration(HYBRIDS3="1"))
        self.assertIn("HYBRIDS3_MASTER_KEY", str(error))


class NamesTests(SynchronousTestCase):
    """S3's rules for the names of buckets."""

    def test_names(self) -> None:
        """Good ones and bad ones."""
        for name in ("abc", "a-b", "a.b", "123", "a" * 63, "1.2.3", "1.2.3.4.5", "health2"):
            self.assertTrue(valid_bucket_name(name), name)
        for name in ("", "ab", "a" * 64, "ABC", "a_b", "a b", "a/b", ".abc", "abc.", "abc-", "a..b",
                     "192.168.5.4", "xn--abc", "abc\n", "äbc", "a\0bc", *RESERVED):  # fmt: skip
            self.assertFalse(valid_bucket_name(name), name)
