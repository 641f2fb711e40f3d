"""Who is measured: aigate, moto's server, and nginx as the ceiling; one process each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from bench.common.http import fetch
from bench.common.nginx import HEALTH, nginx_version, start_nginx
from bench.common.processes import HOST, Child, Unusable, bare_environment
from bench.common.venv import beside_python, ensure_venv, our_versions, version_in

BUCKET = "uploads"
CHAT_KEY = "sk-bench-4f1c0a9e7d5b3826"
CHAT_MODEL = "bench-mock"
_BUCKET_KEY = "bench-uploads-9d2e6b71"


class Contender(Protocol):
    """
    Something that objects are put into.

    @ivar name: What tables call it.
    @ivar health: The path that answers 200 as soon as it serves.
    @ivar base: The path of the bucket, with a slash behind it.
    @ivar headers: The header fields of every request.
    @ivar etag_is_md5: Its entity tags are the bytes' MD5.
    """

    name: ClassVar[str]
    health: ClassVar[str]
    base: ClassVar[str]
    headers: ClassVar[Mapping[str, str]]
    etag_is_md5: ClassVar[bool]

    def versions(self) -> dict[str, str]:
        """Package to version."""
        ...

    def start(self, port: int, folder: Path) -> Child:
        """Start it on a port of loopback, with its files in C{folder}."""
        ...

    def prepare(self, port: int) -> None:
        """Have the bucket there, now that it serves."""
        ...


@dataclass
class Aigate:
    """aigate, with all that it has on but the rate limit: keys, hashes, fsync, access log."""

    name: ClassVar[str] = "aigate"
    health: ClassVar[str] = "/health/liveliness"
    base: ClassVar[str] = f"/storage/{BUCKET}/"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": f"Bearer {_BUCKET_KEY}"}
    etag_is_md5: ClassVar[bool] = True

    def versions(self) -> dict[str, str]:
        """See L{Contender}."""
        return our_versions(("aigate", "Twisted", "httptools", "SQLAlchemy"))

    def start(self, port: int, folder: Path) -> Child:
        """See L{Contender}."""
        folder.mkdir(parents=True, exist_ok=True)
        mock = {"model": "openai/mock", "mock_response": "Hello! How can I help you today?"}
        models = [{"model_name": CHAT_MODEL, "litellm_params": mock}]
        # JSON is YAML too.
        (folder / "config.yaml").write_text(json.dumps({"model_list": models}), "utf-8")
        environment = bare_environment(
            folder,
            LITELLM_MASTER_KEY=CHAT_KEY,
            HYBRIDS3_MASTER_KEY="bench-master-4b8d03f5",
            HYBRIDS3_UPLOADS_KEY=_BUCKET_KEY,
            HYBRIDS3_UPLOADS_MAX_SIZE="0",
            HYBRIDS3_UPLOADS_TTL="0",
            RATELIMIT_STORAGE="off",
            RATELIMIT_API="off",
            LOCAL_MODELS="0",
            AIGATE_CONFIG=str(folder / "config.yaml"),
            AIGATE_PORT=str(port),
            AIGATE_LISTEN=f"tcp:{port}:interface={HOST}:backlog=1024",
            DATA_DIR=str(data_folder(folder)),
        )
        return Child(self.name, [str(beside_python("aigate")), "run"], folder, environment)

    def prepare(self, port: int) -> None:
        """See L{Contender}: the bucket is configured."""


def data_folder(folder: Path) -> Path:
    """Where aigate that runs in C{folder} keeps its data."""
    return folder / "data"


@dataclass
class Moto:
    """
    moto's server: objects in memory, or in temporary files when they are large.

    @ivar commands: The folder of its environment's commands.
    """

    commands: Path
    name: ClassVar[str] = "moto"
    health: ClassVar[str] = "/moto-api/data.json"
    base: ClassVar[str] = f"/{BUCKET}/"
    # It wants a signature that looks like one, and does not verify it.
    headers: ClassVar[Mapping[str, str]] = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=0"
    }
    etag_is_md5: ClassVar[bool] = True

    def versions(self) -> dict[str, str]:
        """See L{Contender}."""
        return {name: version_in(self.commands, name) for name in ("moto", "werkzeug")}

    def start(self, port: int, folder: Path) -> Child:
        """See L{Contender}."""
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        environment = bare_environment(folder, TMPDIR=str(temporary))
        command = [str(self.commands / "moto_server"), "-H", HOST, "-p", str(port)]
        return Child(self.name, command, folder, environment)

    def prepare(self, port: int) -> None:
        """See L{Contender}."""
        status = fetch(port, "PUT", self.base.rstrip("/"), self.headers).status
        if status != 200:
            raise Unusable(f"moto makes no bucket: status {status}")


@dataclass
class Nginx:
    """nginx that serves files and takes them by DAV: no keys, hashes, database, fsync or log."""

    name: ClassVar[str] = "nginx"
    health: ClassVar[str] = HEALTH
    base: ClassVar[str] = f"/{BUCKET}/"
    headers: ClassVar[Mapping[str, str]] = {}
    etag_is_md5: ClassVar[bool] = False

    def versions(self) -> dict[str, str]:
        """See L{Contender}."""
        return {"nginx": nginx_version()}

    def start(self, port: int, folder: Path) -> Child:
        """See L{Contender}."""
        (folder / "files").mkdir(parents=True, exist_ok=True)
        server = (
            f"location {self.base} {{ root files; sendfile on; tcp_nopush on; dav_methods PUT; "
            "create_full_put_path on; client_max_body_size 0; }"
        )
        return start_nginx(self.name, folder, port, "", server)

    def prepare(self, port: int) -> None:
        """See L{Contender}: a PUT makes the folder."""


def moto(cache: Path, requirement: str) -> Moto:
    """
    moto, installed when it is not yet.

    @raise Unusable: It cannot be had.
    """
    found = Moto(ensure_venv(cache / "moto", requirement))
    found.versions()
    return found
