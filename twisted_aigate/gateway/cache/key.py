"""What makes two calls the same call."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import msgspec

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call
from twisted_aigate.kernel.units import KB

_SAY_NOTHING = frozenset(("model", "user", "metadata", "safety_identifier", "prompt_cache_key"))
"""Fields that say who asks, or how to bill it; and the model, which the call knows better."""

_LARGE = 64 * KB
"""Bytes of a field from which on taking it apart would show in what a call costs."""

_encoder = msgspec.json.Encoder(order="sorted")


def cache_key(caller: Caller, call: Call, namespace: str) -> str:
    """
    The name that a call's answer is kept under.

    It is the same for the same request of the same caller, in whatever order and spacing its fields
    come (one that is large, or cannot be read, counts as it is written); a field that is null is a
    field that is not there.

    @param namespace: The part of the cache; it can be read at the key's beginning.
    """
    asked = {
        name: value
        for name, raw in call.fields.items()
        if name not in _SAY_NOTHING and (value := _meaning(bytes(raw))) is not None
    }
    headers = sorted((*call.extra_headers, *call.protocol_headers))
    whole = (call.task.value, call.model, caller.id, namespace, headers, call.checked, asked)
    digest = hashlib.sha256(_encoder.encode(whole)).hexdigest()
    return f"{namespace}:{digest}" if namespace else digest


def _meaning(text: bytes) -> object:
    if len(text) <= _LARGE:
        # A field that we do not know may have what no number or text of ours can be.
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(text)
    return {"sha256": hashlib.sha256(text).hexdigest()}
