"""
Requests that stand alone, as of 2026-07-28: what they must say of themselves, in body and headers.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    ClientCapabilities,
    LoggingLevel,
)
from mcp_types.jsonrpc import JSONRPCRequest
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from twisted_aigate.mcp.errors import (
    HEADER_MISMATCH,
    UNSUPPORTED_VERSION,
    MCPError,
    invalid_params,
    wrong_params,
)
from twisted_aigate.mcp.revisions import MODERN

_NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The parameter that a method's C{Mcp-Name} repeats."""

_ENCODED = re.compile(r"=\?base64\?(.*)\?=")
_levels: TypeAdapter[LoggingLevel | None] = TypeAdapter(LoggingLevel | None)


@frozen
class Envelope:
    """
    What a request says of itself.

    @ivar version: The protocol's revision.
    @ivar capabilities: What its client can.
    @ivar log_level: The least level of the log's lines that the client wants; C{None}: none.
    """

    version: str
    capabilities: ClientCapabilities
    log_level: LoggingLevel | None


def is_enveloped(value: Any) -> bool:
    """Whether a body says that it is of a revision whose requests stand alone."""
    return PROTOCOL_VERSION_META_KEY in _meta(value)


def _meta(value: Any) -> Mapping[str, Any]:
    params = value.get("params") if isinstance(value, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}


def unsupported(requested: str) -> MCPError:
    """The refusal of a revision that is not spoken here."""
    known = {"supported": list(MODERN_PROTOCOL_VERSIONS), "requested": requested}
    return MCPError(UNSUPPORTED_VERSION, "Unsupported protocol version", known)


def read_envelope(
    request: JSONRPCRequest, value: Any, header: Callable[[str], str | None]
) -> Envelope:
    """
    Find out what a request says of itself.

    @param value: It as it came.
    @param header: The header field of a lower-case name.
    @raise MCPError: It says too little, or its headers say something else.
    """
    meta = _meta(value)
    for key in (PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY):
        if key not in meta:
            raise invalid_params(f"params._meta has no {key}")
    version = meta[PROTOCOL_VERSION_META_KEY]
    _check("mcp-protocol-version", header, version)
    _check("mcp-method", header, request.method)
    named = _NAMES.get(request.method)
    if named is not None and named in value["params"]:
        _check("mcp-name", header, value["params"][named])
    if version not in MODERN:
        raise unsupported(version)
    try:
        return Envelope(
            version,
            ClientCapabilities.model_validate(meta[CLIENT_CAPABILITIES_META_KEY]),
            _levels.validate_python(meta.get(LOG_LEVEL_META_KEY)),
        )
    except ValidationError as error:
        raise wrong_params(error) from None


def _check(name: str, header: Callable[[str], str | None], value: Any) -> None:
    if _decoded(header(name)) != value:
        raise MCPError(HEADER_MISMATCH, f"The header {name} does not say what the body says")


def _decoded(value: str | None) -> str | None:
    # What is not ASCII comes as base64 between markers.
    encoded = None if value is None else _ENCODED.fullmatch(value)
    if encoded is None:
        return value
    try:
        return base64.b64decode(encoded[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
