"""A server with storage, and the clients that call it."""

from __future__ import annotations

import functools
import itertools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from unittest import SkipTest, TestCase

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.end_to_end.raw import RawResponse
from tests.end_to_end.server import Server
from tests.support.authority import Authority
from tests.support.lasting import lasting
from tests.support.ports import free_port

MASTER = ("master", "master-secret-0123456789")
UPLOADS = ("uploads", "uploads-secret-0123456789")
PRIVATE = ("private-access", "private-secret-0123456789")
SHORT = ("short", "short-secret-0123456789")
SMALL = ("small", "small-secret-0123456789")
ALICE = ("alice-access", "alice-secret-0123456789")
BOB = ("bob-access", "bob-secret-0123456789")
MB = 1024 * 1024
_numbers = itertools.count()

CONFIG = f"""
buckets:
  uploads: {{public: true, key: {UPLOADS[1]}}}
  private: {{key: {PRIVATE[1]}, public_key: {PRIVATE[0]}}}
  short: {{public: true, key: {SHORT[1]}, ttl: 2s}}
  small: {{public: true, key: {SMALL[1]}, max_file_size: 100KB}}
users:
  alice: {{access_key: {ALICE[0]}, secret_key: {ALICE[1]}}}
  bob: {{access_key: {BOB[0]}, secret_key: {BOB[1]}}}
"""
"""Four buckets and two users; C{short} forgets after two seconds, C{small} takes 100 KB."""


class StorageServer(Server):
    """
    The server, its S3 also at the root of a port of its own.

    @param variables: As for L{Server}; C{PORT} in C{STORAGE_S3_LISTEN} becomes that port.
    @ivar s3_port: That port.
    """

    def __init__(self, **variables: str) -> None:
        self.s3_port = free_port()
        settings = {
            "HYBRIDS3_MASTER_KEY": MASTER[1],
            "RATELIMIT_STORAGE": "off",
            "STORAGE_S3_LISTEN": "tcp:PORT:interface=127.0.0.1",
        }
        settings.update(variables)
        listen = settings["STORAGE_S3_LISTEN"].replace("PORT", str(self.s3_port))
        super().__init__(CONFIG, **{**settings, "STORAGE_S3_LISTEN": listen})

    @classmethod
    def running(cls, **variables: str) -> StorageServer:
        """Start one and wait until it answers; stopped when the tests end."""
        server = cls(**variables)
        lasting.callback(server.stop)
        server.wait_until_up()
        return server

    @property
    def endpoint(self) -> str:
        """S3 with a path before the buckets."""
        return f"{self.url}/storage"

    @property
    def root_endpoint(self) -> str:
        """S3 at the root of its own port."""
        return f"http://127.0.0.1:{self.s3_port}"

    def blob_files(self) -> list[Path]:
        """All files that hold bytes of objects."""
        folder = self.folder / "data" / "storage"
        return sorted(path for path in folder.rglob("*") if path.is_file())

    def client(
        self, keys: tuple[str, str] = MASTER, endpoint: str | None = None, **config: Any
    ) -> BaseClient:
        """boto3 with its defaults, beside C{config}."""
        return s3(endpoint or self.endpoint, keys, **config)


def s3(
    endpoint: str, keys: tuple[str, str], verify: str | None = None, **config: Any
) -> BaseClient:
    """boto3's client; it never tries twice, so that what goes wrong shows."""
    settings = {"retries": {"max_attempts": 0}, "signature_version": "s3v4", **config}
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        region_name="us-east-1",
        verify=verify,
        config=Config(**settings),
    )


@functools.cache
def shared_server() -> StorageServer:
    """The server that all tests share which do not need one of their own."""
    return StorageServer.running()


def tls_server() -> tuple[StorageServer, str]:
    """
    A server whose root port speaks TLS as C{localhost}.

    @return: The server, and the path of the certificate that clients must trust.
    """
    authority = Authority()
    issued = authority.issue("localhost")
    key = issued.privateKey.original.to_cryptography_key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    folder = Path(tempfile.mkdtemp(prefix="aigate-test-"))
    lasting.callback(shutil.rmtree, folder)
    (folder / "ca.pem").write_bytes(authority.root.dumpPEM())
    both = folder / "server.pem"
    both.write_bytes(issued.dumpPEM() + key)
    server = StorageServer.running(
        STORAGE_S3_LISTEN=f"ssl:PORT:privateKey={both}:certKey={both}:interface=127.0.0.1"
    )
    return server, str(folder / "ca.pem")


class StorageTestCase(TestCase):
    """
    Tests on a server.

    @cvar server: The server.
    @cvar s3: A user's client.
    @cvar bucket: A new bucket of that user's.
    """

    server: StorageServer
    s3: BaseClient
    bucket: str

    @classmethod
    def start_server(cls) -> StorageServer:
        """The server that these tests are for."""
        return shared_server()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.start_server()
        cls.logged = len(cls.server.log)
        cls.s3 = cls.server.client(ALICE)
        cls.bucket = f"bucket-{next(_numbers)}"
        cls.s3.create_bucket(Bucket=cls.bucket)

    @classmethod
    def tearDownClass(cls) -> None:
        log = cls.server.log[cls.logged :]
        assert "Traceback" not in log, log

    def refused(self, status: int, code: str, call: Any, **arguments: Any) -> dict[str, Any]:
        """boto3's error, which has this status and this code."""
        with self.assertRaises(ClientError) as raised:
            call(**arguments)
        response: dict[str, Any] = raised.exception.response
        found = response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
        self.assertEqual(found, (status, code), response)
        return response

    def curl(self, *arguments: str, body: bytes | None = None) -> RawResponse:
        """What curl gets; C{body} is sent from its standard input."""
        given = () if body is None else ("--data-binary", "@-")
        run = run_tool("curl", "-sS", "-i", "--path-as-is", "-m", "20", "-H", "Expect:", *given,
                       *arguments, stdin=body)  # fmt: skip
        return RawResponse(run)


def run_tool(*command: str, stdin: bytes | None = None, **variables: str) -> bytes:
    """A program's standard output; it is an error when it fails."""
    if shutil.which(command[0]) is None:
        raise SkipTest(f"NOT TESTED: {command[0]} is missing: apt-get install {command[0]}")
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": "/usr/bin:/bin", "HOME": home, "LC_ALL": "C.UTF-8", **variables}
        done = subprocess.run(
            command,
            input=stdin or b"",
            capture_output=True,
            env=environment,
            timeout=25,
            check=False,
        )
    if done.returncode:
        raise AssertionError(f"{command}: {done.returncode}: {(done.stdout + done.stderr)!r}")
    return done.stdout
