"""Large objects: a client with some connections, each in a thread that copies in the kernel."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from bench.common.processes import HOST
from bench.storage.payloads import MB, Payload

_TIMEOUT = 60.0
_MOST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Transfers:
    """
    What came of some transfers.

    @ivar count: How many there were.
    @ivar size: Bytes of each.
    @ivar seconds: How long all took together.
    @ivar times: Seconds of each that went well.
    @ivar problems: What was not as it should be.
    """

    count: int
    size: int
    seconds: float
    times: tuple[float, ...]
    problems: tuple[str, ...]

    @property
    def speed(self) -> float:
        """Bytes a second, of those that went well."""
        return len(self.times) * self.size / self.seconds


def _head(method: str, path: str, port: int, headers: Mapping[str, str], length: int) -> bytes:
    fields = {"Host": f"{HOST}:{port}", **headers}
    if method == "PUT":
        fields["Content-Length"] = str(length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("ascii")


def _read_head(connection: socket.socket) -> tuple[int, int, int]:
    """The status, the length that is announced, and how much of the body has come."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(_MOST_HEAD)
        if not piece or len(data) > _MOST_HEAD:
            raise OSError(f"no answer: {data[:200]!r}")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    lengths = [f.partition(b":")[2] for f in fields if f.lower().startswith(b"content-length:")]
    return int(status.split()[1]), int(lengths[0]) if lengths else 0, len(rest)


def _once(
    connection: socket.socket, method: str, head: bytes, payload: Payload, buffer: memoryview
) -> None:
    connection.sendall(head)
    if method == "PUT":
        with payload.path.open("rb") as file:
            connection.sendfile(file)
    status, length, came = _read_head(connection)
    while came < length:
        size = connection.recv_into(buffer[: length - came])
        if not size:
            raise OSError(f"the answer broke off after {came:,} of {length:,} bytes")
        came += size
    if not 200 <= status < 300:
        raise OSError(f"status {status}")
    if method == "GET" and length != payload.size:
        raise OSError(f"{length:,} bytes")


def transfer(
    port: int,
    method: str,
    path_of: Callable[[int], str],
    headers: Mapping[str, str],
    payload: Payload,
    connections: int,
    each: int,
) -> Transfers:
    """
    Put or get a large object on some connections at once, some times on each.

    @param path_of: The path for each number of a connection.
    """

    def work(number: int) -> tuple[list[float], list[str]]:
        buffer = memoryview(bytearray(MB))
        head = _head(method, path_of(number), port, headers, payload.size)
        times: list[float] = []
        try:
            for _ in repeat(None, each):
                began = time.perf_counter()
                # One for each: moto closes it all the same.
                with socket.create_connection((HOST, port), _TIMEOUT) as connection:
                    _once(connection, method, head, payload, buffer)
                times.append(time.perf_counter() - began)
        except (OSError, ValueError, IndexError) as error:
            return times, [str(error)]
        return times, []

    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        done = list(pool.map(work, range(connections)))
    seconds = time.perf_counter() - began
    times = tuple(one for found, _ in done for one in found)
    problems = tuple(problem for _, found in done for problem in found)
    return Transfers(connections * each, payload.size, seconds, times, problems)
