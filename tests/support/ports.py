"""Ports for servers of the tests."""

from __future__ import annotations

import itertools
import os
import random
import socket

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_range = range(20_000 + _worker, 30_000, _workers)
_ports = itertools.cycle(random.sample(_range, len(_range)))


def free_port() -> int:
    """
    A TCP port on loopback that stays free while nothing listens on it.

    It is not among those that connections and listeners on port 0 get, no other worker of
    pytest-xdist gets it, and this one not soon again.
    """
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
