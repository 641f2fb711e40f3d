"""
The bodies of LiteLLM's key management, and what they make of a key.

Source: https://docs.litellm.ai/docs/proxy/virtual_keys; fields that are not named here have no
effect, save for those that would take something from the key: they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from attrs import evolve
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from twisted_aigate.gateway.accounting.money import to_nanos
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import MCP_SERVERS, KeyLimits, VirtualKey
from twisted_aigate.gateway.keys.periods import end_of

Count = Annotated[int, Meta(ge=0, le=2**53)]
Dollars = Annotated[float, Meta(ge=0)]

_RESTRICTING = (
    "allowed_passthrough_routes", "allowed_routes", "allowed_vector_store_indexes", "budget_id",
    "enforced_params", "guardrails", "model_max_budget", "model_rpm_limit", "model_tpm_limit",
    "object_permission", "policies", "prompts",
)  # fmt: skip
"""LiteLLM's fields that would take something from a key, and are not here."""

_EMPTY = (b"null", b"[]", b"{}", b'""')

_FOREVER = "-1"
"""LiteLLM's word for a key that does not expire."""


class KeyFields(Struct, kw_only=True):
    """What a key is made or changed with; what is not given is left as it is."""

    key_alias: str | UnsetType | None = UNSET
    models: list[str] | UnsetType | None = UNSET
    aliases: dict[str, str] | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    allowed_mcp_servers: list[str] | UnsetType | None = UNSET
    user_id: str | UnsetType | None = UNSET
    team_id: str | UnsetType | None = UNSET
    rpm_limit: Count | UnsetType | None = UNSET
    tpm_limit: Count | UnsetType | None = UNSET
    max_parallel_requests: Count | UnsetType | None = UNSET
    max_budget: Dollars | UnsetType | None = UNSET
    budget_duration: str | UnsetType | None = UNSET
    duration: str | UnsetType | None = UNSET
    blocked: bool | UnsetType | None = UNSET
    spend: Dollars | UnsetType | None = UNSET


class GenerateKey(KeyFields):
    """C{POST /key/generate}."""

    key: str | None = None


class UpdateKey(KeyFields):
    """C{POST /key/update}; C{key} is the key or its hash."""

    key: str


class OneKey(Struct):
    """C{POST /key/block} and C{/key/unblock}."""

    key: str


class DeleteKeys(Struct):
    """C{POST /key/delete}."""

    keys: list[str] | None = None
    key_aliases: list[str] | None = None


def check_fields(fields: Mapping[str, Raw]) -> None:
    """
    Refuse what would seem to restrict a key, and would not.

    @param fields: All that a key is to be made or changed with.
    @raise GatewayError: 400: there is such a field.
    """
    for name in _RESTRICTING:
        said = fields.get(name)
        if said is not None and b"".join(bytes(said).split()) not in _EMPTY:
            message = f"{name} is not supported: the key would be able to do more than it says."
            raise GatewayError(400, message, param=name)


def changed(key: VirtualKey, fields: KeyFields, now: float) -> VirtualKey:
    """
    A key with fields applied.

    @param now: Seconds of Unix time.
    @raise GatewayError: 400: a field is not what it must be.
    """
    values: dict[str, Any] = {"updated_at": now, "limits": _limits(key.limits, fields)}
    plain = ("user_id", "team_id")
    values |= {name: value for name in plain if (value := getattr(fields, name)) is not UNSET}
    if fields.key_alias is not UNSET:
        values["alias"] = fields.key_alias or None
    if fields.models is not UNSET:
        values["models"] = tuple(fields.models or ())
    if fields.aliases is not UNSET:
        values["aliases"] = fields.aliases or {}
    if fields.metadata is not UNSET:
        values["metadata"] = _metadata(fields.metadata or {})
    if fields.allowed_mcp_servers is not UNSET:
        kept = values.get("metadata", key.metadata)
        values["metadata"] = {**kept, MCP_SERVERS: fields.allowed_mcp_servers or []}
    if fields.blocked is not UNSET:
        values["blocked"] = bool(fields.blocked)
    if fields.max_budget is not UNSET:
        values["max_budget"] = _nanos(fields.max_budget, "max_budget")
    if fields.spend is not UNSET:
        values["spend"] = _nanos(fields.spend, "spend") or 0
    if fields.budget_duration is not UNSET:
        period = fields.budget_duration or None
        values["budget_duration"] = period
        values["budget_reset_at"] = _end_of(period, now, "budget_duration")
    if fields.duration is not UNSET:
        period = None if fields.duration == _FOREVER else fields.duration
        values["expires"] = _end_of(period, now, "duration")
    return evolve(key, **values)


def _metadata(given: dict[str, Any]) -> dict[str, Any]:
    try:
        msgspec.convert(given.get(MCP_SERVERS, []), list[str])
    except msgspec.ValidationError:
        name = f"metadata.{MCP_SERVERS}"
        raise GatewayError(400, f"{name} is a list of names.", param=name) from None
    return given


def _limits(limits: KeyLimits, fields: KeyFields) -> KeyLimits:
    said = (fields.rpm_limit, fields.tpm_limit, fields.max_parallel_requests)
    before = (limits.rpm, limits.tpm, limits.max_parallel)
    return KeyLimits(*(old if new is UNSET else new for new, old in zip(said, before, strict=True)))


def _nanos(dollars: float | None, name: str) -> int | None:
    try:
        return None if dollars is None else to_nanos(dollars)
    except ValueError:
        raise GatewayError(400, f"{name} is an amount of dollars.", param=name) from None


def _end_of(period: str | None, now: float, name: str) -> float | None:
    try:
        return end_of(period, now) if period else None
    except ValueError as error:
        raise GatewayError(400, f"{name}: {error}.", param=name) from None
