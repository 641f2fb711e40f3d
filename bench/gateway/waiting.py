"""Callers that wait for a provider which does not answer, while others are measured."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.common.processes import HOST
from bench.common.wrk import Target

WAITING = 500
"""How many there are at once."""


@contextmanager
def callers_waiting(target: Target) -> Iterator[list[str]]:
    """
    Have them wait meanwhile.

    @param target: What they ask for.
    @return: At the end: what was not as it should be.
    """
    problems: list[str] = []
    with ExitStack() as stack:
        sockets = []
        for _ in range(WAITING):
            made = stack.enter_context(socket.create_connection((HOST, target.port), 10))
            made.sendall(target.request())
            sockets.append(made)
        yield problems
        answered = sum(map(_has_come, sockets))
        if answered:
            problems.append(f"{answered} of {WAITING} did not wait")


def _has_come(made: socket.socket) -> bool:
    """Whether there was an answer, or an end."""
    made.setblocking(False)
    try:
        made.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
