"""awscli, s3cmd and rclone: folders there and back."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import ALICE, StorageTestCase, run_tool

_LARGE = random.Random(6).randbytes(20_000_000)
_TREE = {
    "plain.txt": b"plain",
    "empty": b"",
    "with space.txt": b"space",
    "a+b.txt": b"plus",
    "100%.txt": b"percent",
    "%20encoded": b"encoded",
    "a&b=c;d.txt": b"and",
    "quote's (1) [2] {3}~!@#$^,.txt": b"punctuation",
    "ünïcödé 日本 😀.txt": "ü".encode(),
    "nested/deeper/file.bin": bytes(range(256)),
    "nested/deeper/still deeper/x": b"x",
    "nested/same": b"1",
    "nested2/same": b"2",
    "large.bin": _LARGE,
}


def _read(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class ToolTestCase(StorageTestCase):
    """A folder to send, and one to receive into."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aigate-test-"))
        self.addCleanup(rmtree, self.folder)
        self.there, self.back = self.folder / "there", self.folder / "back"
        self.back.mkdir()
        for name, body in _TREE.items():
            path = self.there / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def stored(self) -> dict[str, int]:
        """The keys of the bucket, and their sizes."""
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {each["Key"]: each["Size"] for each in found}

    def expected(self, prefix: str = "") -> dict[str, int]:
        """What of the folder has to be in the bucket."""
        return {prefix + name: len(body) for name, body in _TREE.items()}

    def change(self) -> None:
        """Change a file, add one, remove one."""
        (self.there / "plain.txt").write_bytes(b"changed, and longer")
        (self.there / "added").write_bytes(b"added")
        (self.there / "a+b.txt").unlink()

    def check_change(self) -> None:
        """The bucket has what L{change} did."""
        stored = self.stored()
        self.assertEqual(stored["plain.txt"], len(b"changed, and longer"))
        self.assertIn("added", stored)
        self.assertNotIn("a+b.txt", stored)


class AwscliTests(ToolTestCase, SynchronousTestCase):
    """awscli, as its newest version comes."""

    def aws(self, *arguments: str) -> str:
        """C{aws s3}."""
        program = str(Path(sys.executable).with_name("aws"))
        endpoint = f"--endpoint-url={self.server.endpoint}"
        return run_tool(
            program, endpoint, "s3", *arguments, AWS_ACCESS_KEY_ID=ALICE[0],
            AWS_SECRET_ACCESS_KEY=ALICE[1], AWS_DEFAULT_REGION="us-east-1",
            AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1",
            AWS_CONFIG_FILE=str(self.folder / "aws"),
        ).decode()  # fmt: skip

    def test_sync(self) -> None:
        """There and back; then what changed; then all of it is removed."""
        bucket = f"s3://{self.bucket}"
        self.aws("sync", "--only-show-errors", str(self.there), bucket)
        self.assertEqual(self.stored(), self.expected())
        self.aws("sync", "--only-show-errors", bucket, str(self.back))
        self.assertEqual(_read(self.back), _TREE)
        self.assertEqual(self.aws("sync", bucket, str(self.back)), "")
        self.change()
        self.aws("sync", "--only-show-errors", "--delete", str(self.there), bucket)
        self.check_change()
        self.aws("rm", "--recursive", "--only-show-errors", bucket)
        self.assertEqual(self.stored(), {})

    def test_one_file(self) -> None:
        """C{mb}, C{cp} both ways and inside, C{ls}, C{rb}."""
        bucket = f"s3://{self.bucket}-of-awscli"
        self.aws("mb", bucket)
        self.aws("cp", str(self.there / "large.bin"), f"{bucket}/a b+c/large.bin")
        self.aws("cp", f"{bucket}/a b+c/large.bin", f"{bucket}/copy.bin")
        self.aws("cp", f"{bucket}/copy.bin", str(self.back / "copy.bin"))
        self.assertEqual((self.back / "copy.bin").read_bytes(), _LARGE)
        listed = self.aws("ls", f"{bucket}/")
        self.assertRegex(listed, r"PRE a b\+c/\n.* 20000000 copy\.bin\n")
        self.aws("rb", "--force", bucket)
        names = [each["Name"] for each in self.s3.list_buckets()["Buckets"]]
        self.assertNotIn(f"{self.bucket}-of-awscli", names)

    def presigned(self, settings: str) -> None:
        """Read an object by a URL that was made with these settings in awscli's file."""
        key = "a b+c%.txt"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"presigned")
        (self.folder / "aws").write_text(f"[default]\n{settings}")
        url = self.aws("presign", f"s3://{self.bucket}/{key}").strip()
        answer = self.curl(url)
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.assertEqual((answer.status, answer.body), (200, b"presigned"), url)

    def test_presign(self) -> None:
        """As it comes, with Signature V2, and with V4."""
        self.presigned("")
        self.presigned("s3 =\n    signature_version = s3v4\n")


class S3cmdTests(ToolTestCase, SynchronousTestCase):
    """s3cmd, as Debian has it, with its file of settings."""

    def s3cmd(self, *arguments: str) -> str:
        """C{s3cmd}."""
        settings = self.folder / "s3cfg"
        settings.write_text(
            "[default]\n"
            f"access_key = {ALICE[0]}\nsecret_key = {ALICE[1]}\nuse_https = False\n"
            f"host_base = 127.0.0.1:{self.server.s3_port}\n"
            f"host_bucket = 127.0.0.1:{self.server.s3_port}\n"
            "multipart_chunk_size_mb = 5\nmax_retries = 1\n"
        )
        return run_tool("s3cmd", f"--config={settings}", "--no-progress", *arguments).decode()

    def test_sync(self) -> None:
        """There and back; then what changed; then all of it is removed."""
        bucket = f"s3://{self.bucket}/"
        self.s3cmd("sync", f"{self.there}/", bucket)
        self.assertEqual(self.stored(), self.expected())
        self.s3cmd("sync", bucket, f"{self.back}/")
        self.assertEqual(_read(self.back), _TREE)
        self.change()
        self.s3cmd("sync", "--delete-removed", f"{self.there}/", bucket)
        self.check_change()
        self.s3cmd("del", "--recursive", "--force", bucket)
        self.assertEqual(self.stored(), {})

    def test_others(self) -> None:
        """C{mb}, C{put}, C{cp}, C{mv}, C{info}, C{ls}, C{la}, C{du}, C{signurl}, C{rb}."""
        bucket = f"s3://{self.bucket}-of-s3cmd"
        self.s3cmd("mb", bucket)
        self.s3cmd("put", str(self.there / "large.bin"), f"{bucket}/a b+c/large.bin")
        self.s3cmd("cp", f"{bucket}/a b+c/large.bin", f"{bucket}/copy.bin")
        self.s3cmd("mv", f"{bucket}/copy.bin", f"{bucket}/moved.bin")
        self.s3cmd("get", f"{bucket}/moved.bin", str(self.back / "moved.bin"))
        self.assertEqual((self.back / "moved.bin").read_bytes(), _LARGE)
        self.assertIn("20000000", self.s3cmd("info", f"{bucket}/moved.bin"))
        self.assertIn("moved.bin", self.s3cmd("la"))
        self.assertIn("DIR", self.s3cmd("ls", bucket))
        self.assertIn("40000000", self.s3cmd("du", bucket))
        self.s3cmd("rb", "--recursive", bucket)
        names = [each["Name"] for each in self.s3.list_buckets()["Buckets"]]
        self.assertNotIn(f"{self.bucket}-of-s3cmd", names)


class RcloneTests(ToolTestCase, SynchronousTestCase):
    """rclone, as Debian has it."""

    def rclone(self, *arguments: str) -> str:
        """C{rclone}, with C{here:} for the server."""
        settings = self.folder / "rclone.conf"
        settings.write_text(
            "[here]\ntype = s3\nprovider = Other\nregion = us-east-1\n"
            f"access_key_id = {ALICE[0]}\nsecret_access_key = {ALICE[1]}\n"
            f"endpoint = {self.server.endpoint}\nchunk_size = 5M\nupload_cutoff = 10M\n"
        )
        quick = ("--retries=1", "--low-level-retries=1", "--transfers=4", "--checkers=4")
        return run_tool("rclone", f"--config={settings}", *quick, *arguments).decode()

    def test_sync(self) -> None:
        """There and back, with its own check of the hashes; then what changed."""
        remote = f"here:{self.bucket}"
        self.rclone("sync", str(self.there), remote)
        self.assertEqual(self.stored(), self.expected())
        self.rclone("check", "--download", str(self.there), remote)
        self.rclone("check", str(self.there), remote)
        self.rclone("sync", remote, str(self.back))
        self.assertEqual(_read(self.back), _TREE)
        for name in ("plain.txt", "large.bin"):
            times = [(folder / name).stat().st_mtime for folder in (self.there, self.back)]
            self.assertAlmostEqual(*times, places=3)
        self.change()
        self.rclone("sync", str(self.there), remote)
        self.check_change()
        self.rclone("copyto", f"{remote}/large.bin", f"{remote}/copied %+.bin")
        self.assertEqual(self.stored()["copied %+.bin"], len(_LARGE))
        self.assertEqual(self.rclone("cat", f"{remote}/plain.txt"), "changed, and longer")
        self.rclone("delete", remote)
        self.assertEqual(self.stored(), {})

    def test_buckets(self) -> None:
        """C{mkdir}, C{lsd}, C{rcat} of unknown size, C{link}, C{purge}."""
        name = f"{self.bucket}-of-rclone"
        self.rclone("mkdir", f"here:{name}")
        self.assertIn(name, self.rclone("lsd", "here:"))
        self.rclone("copy", str(self.there / "nested"), f"here:{name}/to")
        self.assertIn("deeper", self.rclone("lsf", f"here:{name}/to"))
        url = self.rclone("link", f"here:{name}/to/same").strip()
        self.assertEqual(run_tool("curl", "-sS", "-f", url), b"1")
        self.rclone("purge", f"here:{name}")
        self.assertNotIn(name, self.rclone("lsd", "here:"))
