"""Clients that do one thing after the other to a few keys, until the server is gone."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from attrs import define, field

from tests.end_to_end.crash_model import Model, Seen, Value, seen_of

KEY = "uploads-key-0123456789"
KEYS = ("plain", "a/b/c", "../../escape", "ключ 值", "q?x=1&y#z", "d/", "last+%41")
_SIZES = (0, 1, 100, 4_000, 20_000, 70_000, 300_000, 1_100_000, 3_000_000)
_PART = 5 * 1024 * 1024
_GONE = (OSError, http.client.HTTPException)
"""What a client sees of a server that is killed, or that closes an idle connection."""


class Wrong(Exception):
    """The server answered what it must not."""


@define
class Multipart:
    """
    An upload that was begun and of which nobody knows that it is over.

    @ivar parts: Number to C{ETag}, of those that were acknowledged.
    @ivar ending: Its completion, or abortion, was sent.
    """

    key: str
    parts: dict[int, str] = field(factory=dict)
    ending: bool = False


class Connection:
    """
    A connection to the server, opened again whenever it is needed.

    @param ports: The server's, and that of its S3.
    """

    def __init__(self, ports: tuple[int, int]) -> None:
        self._connections = [
            http.client.HTTPConnection("127.0.0.1", port, timeout=60) for port in ports
        ]

    def call(
        self, method: str, path: str, body: Any = None, *, s3: bool = False, **options: Any
    ) -> tuple[int, Any, bytes]:
        """A request and all of its answer: status, header, body."""
        connection = self._connections[s3]
        headers = {"Authorization": f"Bearer {KEY}"}
        prefix = "" if s3 else "/storage"
        try:
            connection.request(method, f"{prefix}/uploads{path}", body, headers, **options)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        return response.status, response.headers, content

    def expect(self, status: int, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """A request that is answered with C{status}."""
        found, headers, body = self.call(*args, **options)
        if found != status:
            raise Wrong(f"{args[:2]}: {found} in place of {status}: {body[:300]!r}")
        return headers, body

    def abandon(self, path: str, body: bytes, announced: int) -> None:
        """Announce more bytes than are sent, and leave."""
        connection = self._connections[0]
        connection.putrequest("PUT", f"/storage/uploads{path}")
        connection.putheader("Authorization", f"Bearer {KEY}")
        connection.putheader("Content-Length", str(announced))
        connection.endheaders(body)
        connection.close()

    def get(self, key: str) -> Seen | None:
        """An object, as a reader sees it."""
        status, headers, body = self.call("GET", path_of(key))
        if status == 404:
            return None
        if status != 200:
            raise Wrong(f"GET {key}: {status}: {body[:300]!r}")
        return Seen(headers["ETag"].strip('"'), len(body), hashlib.md5(body).hexdigest())

    def listing(self) -> dict[str, tuple[str, int]]:
        """Key to C{ETag} and size, of all objects."""
        _, body = self.expect(200, "GET", "")
        return {one["key"]: (one["etag"], one["size"]) for one in json.loads(body)["objects"]}

    def uploads(self) -> dict[str, str]:
        """Upload to encoded key, of those that are not over."""
        _, body = self.expect(200, "GET", "?uploads&encoding-type=url", s3=True)
        found = re.findall(r"<Upload><Key>(.*?)</Key><UploadId>(.*?)</UploadId>", body.decode())
        return {upload_id: key for key, upload_id in found}

    def parts(self, key: str, upload_id: str) -> dict[int, str]:
        """Number to C{ETag}, of an upload's parts."""
        _, body = self.expect(200, "GET", f"{path_of(key)}?uploadId={upload_id}", s3=True)
        found = re.findall(
            r"<PartNumber>(\d+)</PartNumber>.*?<ETag>(?:&quot;|\")?(\w+)", body.decode(), re.DOTALL
        )
        return {int(number): etag for number, etag in found}

    def close(self) -> None:
        """Close it."""
        for connection in self._connections:
            connection.close()


def path_of(key: str) -> str:
    """A key's path behind its bucket."""
    return "/" + quote(key, safe="/")


class Client:
    """
    A client in a thread of its own.

    @param seed: What it does follows from it.
    @ivar wrong: What the server has done wrong; C{None}: nothing.
    @ivar uploads: Those that it began.
    """

    def __init__(self, ports: tuple[int, int], model: Model, seed: int) -> None:
        self.wrong: Exception | None = None
        self.uploads: dict[str, Multipart] = {}
        self._model = model
        self._random = random.Random(seed)
        self._connection = Connection(ports)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def over(self) -> None:
        """The server ends: what fails from now on is no fault, and ends this."""
        self._over.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        actions: list[Callable[[str], None]] = [
            self._put, self._delete, self._get, self._abandon, self._multipart,
        ]  # fmt: skip
        while not self._over.is_set():
            action = self._random.choices(actions, (50, 14, 20, 6, 10))[0]
            try:
                action(self._random.choice(KEYS))
            except _GONE as error:
                # It may be a moment before we are told.
                if not self._over.wait(5):
                    self.wrong = error
                    return
            except Exception as error:
                self.wrong = error
                return

    def _value(self, *sizes: int, parted: bool = False) -> Value:
        return Value(self._random.getrandbits(64), sizes, parted)

    def _size(self) -> int:
        size = self._random.choice(_SIZES)
        return self._random.randint(size // 2, size)

    def _put(self, key: str) -> None:
        value = self._value(self._size())
        pieces = value.pieces()
        seen = seen_of(value, pieces)
        slow = self._random.random() < 0.2
        body: Any = self._slowly(pieces[0]) if slow else pieces[0]
        with self._model.changing(key, seen):
            headers, _ = self._connection.expect(
                200, "PUT", path_of(key), body, encode_chunked=slow
            )
            self._check_etag(headers["ETag"], seen)

    def _slowly(self, data: bytes) -> Iterator[bytes]:
        step = max(1, len(data) // 8)
        for start in range(0, len(data), step):
            yield data[start : start + step]
            time.sleep(0.01)

    def _check_etag(self, etag: str, seen: Seen) -> None:
        if etag.strip('"') != seen.etag:
            raise Wrong(f"the ETag is {etag} in place of {seen.etag}")

    def _delete(self, key: str) -> None:
        with self._model.changing(key, None):
            self._connection.expect(204, "DELETE", path_of(key))

    def _get(self, key: str) -> None:
        found = self._connection.get(key)
        if found is not None and found != self._model.known(key, found.etag):
            raise Wrong(f"GET {key}: {found} was never sent")

    def _abandon(self, key: str) -> None:
        data = self._value(self._size()).pieces()[0]
        self._connection.abandon(path_of(key), data, len(data) + 1)

    def _multipart(self, key: str) -> None:
        call, path = self._connection.expect, path_of(key)
        value = self._value(_PART, self._size(), parted=True)
        pieces = value.pieces()
        seen = seen_of(value, pieces)
        _, body = call(200, "POST", f"{path}?uploads", s3=True)
        upload_id = body.decode().partition("<UploadId>")[2].partition("<")[0]
        upload = self.uploads[upload_id] = Multipart(key)
        # A part that is replaced, the last first.
        for number, piece in ((2, b"replaced"), (2, pieces[1]), (1, pieces[0])):
            this = f"{path}?uploadId={upload_id}&partNumber={number}"
            upload.parts.pop(number, None)
            headers, _ = call(200, "PUT", this, piece, s3=True)
            upload.parts[number] = headers["ETag"].strip('"')
        upload.ending = True
        if self._random.random() < 0.2:
            call(204, "DELETE", f"{path}?uploadId={upload_id}", s3=True)
        else:
            named = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                for number, etag in sorted(upload.parts.items())
            )
            document = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>"
            with self._model.changing(key, seen):
                _, body = call(200, "POST", f"{path}?uploadId={upload_id}", document, s3=True)
                if seen.etag.encode() not in body:
                    raise Wrong(f"completed as {body!r} in place of {seen.etag}")
        del self.uploads[upload_id]
