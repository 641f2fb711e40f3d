"""Files of workspaces beside objects of storage, on one server and one disk, in turn."""

from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.claudebox.server import BUCKET, BUCKET_KEY, TOKEN, Server
from bench.common.console import say
from bench.common.http import fetch
from bench.common.processes import Unusable
from bench.common.wrk import Load, Target, run_wrk
from bench.storage.payloads import LARGE, MIDDLE, Payload, make_payload
from bench.storage.transfer import Transfers, transfer

METHODS = ("PUT", "GET")
CONNECTIONS = (1, 16)
COMPARED = 16
"""The connections at which the trees are compared with files of 1 MB."""

LARGE_CONNECTIONS = 4
_LARGE_EACH = 2
_OBJECTS = 64
_WARM_UP = 1
_WHOLE = 0.98
_TIMEOUT = 300.0


@dataclass
class Tree:
    """
    Where files are put.

    @ivar name: What tables call it.
    @ivar base: The path of a folder, with a slash behind it.
    @ivar key: What requests present.
    @ivar loads: With files of 1 MB, round by round, by method and connections.
    @ivar transfers: Of large files, round by round, by method.
    """

    name: str
    base: str
    key: str
    loads: dict[tuple[str, int], list[Load]] = field(default_factory=dict)
    transfers: dict[str, list[Transfers]] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The header fields of every request."""
        return {"Authorization": f"Bearer {self.key}"}


def _check(server: Server, tree: Tree, payload: Payload) -> None:
    path = f"{tree.base}get/{payload.size}"
    try:
        body = payload.path.read_bytes()
        put = fetch(server.port, "PUT", path, tree.headers, body, _TIMEOUT)
        got = fetch(server.port, "GET", path, tree.headers, timeout=_TIMEOUT)
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"{path}: no answer: {error!r}") from None
    if (put.status, got.status) != (200, 200):
        raise Unusable(f"{path}: PUT {put.status}, GET {got.status}: {put.body[:300]!r}")
    if hashlib.md5(got.body, usedforsecurity=False).hexdigest() != payload.md5:
        raise Unusable(f"{path}: {len(got.body):,} bytes came back, and not those that were put")


def _quiet(server: Server) -> None:
    server.child.check_alive()
    # What the load before has written would be flushed at this one's cost.
    os.sync()
    server.child.settle()


def _say(tree: Tree, what: str, speed: float, problems: Sequence[str]) -> None:
    say(f"  {tree.name:18} {what:26} {speed / 1e6:10,.1f} MB/s {'; '.join(problems)}")


def _target(server: Server, tree: Tree, method: str, payload: Payload) -> Target:
    if method == "GET":
        return Target(server.port, "GET", f"{tree.base}get/{payload.size}", tree.headers)
    return Target(
        server.port, "PUT", f"{tree.base}put/", tree.headers,
        body_file=payload.path, paths=_OBJECTS,
    )  # fmt: skip


def _load(
    server: Server, trees: Sequence[Tree], payload: Payload, seconds: int, rounds: int
) -> None:
    folder = server.child.log.parent
    for method in METHODS:
        least = int(payload.size * _WHOLE) if method == "GET" else 0
        for tree in trees:
            run_wrk(_target(server, tree, method, payload), COMPARED, _WARM_UP, folder)
        for connections in CONNECTIONS:
            for tree in [*trees] * rounds:
                _quiet(server)
                target = _target(server, tree, method, payload)
                load = run_wrk(target, connections, seconds, folder, least)
                tree.loads.setdefault((method, connections), []).append(load)
                what = f"{method} {payload.name}, {connections} connections"
                _say(tree, what, load.rate * payload.size, load.problems)


def _transfer(server: Server, trees: Sequence[Tree], payload: Payload, rounds: int) -> None:
    for method in METHODS:
        for tree in [*trees] * rounds:
            _quiet(server)
            done = transfer(
                server.port, method, f"{tree.base}large/{{}}".format, tree.headers, payload,
                LARGE_CONNECTIONS, _LARGE_EACH,
            )  # fmt: skip
            tree.transfers.setdefault(method, []).append(done)
            _say(tree, f"{method} {payload.name}", done.speed, done.problems)


def measure_files(server: Server, folder: Path, seconds: int, rounds: int) -> list[Tree]:
    """
    Put and get files in both trees.

    @param folder: Where what is put is made.
    @param seconds: How long each load with files of 1 MB is.
    @param rounds: How often each is done.
    @return: Claudebox's files, and storage's.
    @raise Unusable: Bytes do not come back as they were put.
    """
    trees = [
        Tree("/claudebox/files/", "/claudebox/files/bench/", TOKEN),
        Tree("/storage/", f"/storage/{BUCKET}/", BUCKET_KEY),
    ]
    middle, large = make_payload(folder, MIDDLE), make_payload(folder, LARGE)
    for tree in trees:
        for payload in (middle, large):
            _check(server, tree, payload)
    _load(server, trees, middle, seconds, rounds)
    _transfer(server, trees, large, rounds)
    return trees
