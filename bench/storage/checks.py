"""Whether a contender keeps bytes as they are: tried once before it is loaded."""

from __future__ import annotations

import hashlib
import http.client

from bench.common.http import fetch
from bench.common.processes import Unusable
from bench.storage.contenders import Contender
from bench.storage.payloads import Payload

_TIMEOUT = 300.0


def check(contender: Contender, port: int, payload: Payload, key: str) -> None:
    """
    Put an object and get it.

    @raise Unusable: The status, the bytes or the entity tag are not right.
    """
    what = f"{contender.name}, {payload.name}"
    path = contender.base + key
    body = payload.path.read_bytes()
    try:
        put = fetch(port, "PUT", path, contender.headers, body, _TIMEOUT)
        got = fetch(port, "GET", path, contender.headers, timeout=_TIMEOUT)
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"{what}: no answer: {error!r}") from None
    if put.status not in (200, 201, 204) or got.status != 200:
        raise Unusable(f"{what}: PUT {put.status}, GET {got.status}: {put.body[:300]!r}")
    if hashlib.md5(got.body, usedforsecurity=False).hexdigest() != payload.md5:
        raise Unusable(f"{what}: {len(got.body):,} bytes came back, and not those that were put")
    if contender.etag_is_md5:
        for answer in (put, got):
            if answer.fields.get("etag") != f'"{payload.md5}"':
                raise Unusable(f"{what}: the ETag is {answer.fields.get('etag')}")
