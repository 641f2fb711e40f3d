"""Single HTTP requests: to see whether a server is there, and what it answers."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.common.processes import HOST, Child, Unusable

_POLL = 0.005


@dataclass(frozen=True)
class Answer:
    """
    A response.

    @ivar status: Its status.
    @ivar content_type: Its media type.
    @ivar body: All of its body.
    @ivar fields: Its header fields, names in lower case.
    """

    status: int
    content_type: str
    body: bytes
    fields: Mapping[str, str] = field(default_factory=dict)


def fetch(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 30.0,
) -> Answer:
    """
    Make one request on a connection of its own.

    @raise OSError: There is no answer.
    @raise http.client.HTTPException: The answer is not HTTP, or breaks off.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields.get("content-type", ""), response.read(), fields)
    finally:
        connection.close()


def wait_until_ok(child: Child, port: int, path: str, most: float = 120.0) -> float:
    """
    Wait until a server answers 200.

    @return: Seconds from its start till then.
    @raise Unusable: It ended, or did not come up in time.
    """
    while time.perf_counter() - child.started_at < most:
        try:
            if fetch(port, "GET", path, timeout=5.0).status == 200:
                return time.perf_counter() - child.started_at
        except (OSError, http.client.HTTPException):
            pass
        if child.exit_status is not None:
            raise Unusable(
                f"{child.name} ended with status {child.exit_status}: {child.last_words()}"
            )
        time.sleep(_POLL)
    raise Unusable(f"{child.name} did not answer within {most:g} s: {child.last_words()}")
