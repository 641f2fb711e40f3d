"""What a run is asked to be: the one definition that validation and tool schemas are made from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from attrs import frozen
from msgspec import Meta, Struct, field

from twisted_aigate.claudebox.errors import ClaudeboxError

OutputFormat = Literal["json", "json-verbose"]
Effort = Literal["low", "medium", "high", "max"]

_ARGUMENT = Annotated[str, Meta(min_length=1, max_length=1024, pattern=r"\A[^\x00]*\Z")]
_TOOL = Annotated[str, Meta(min_length=1, max_length=1024, pattern=r"\A[^-\x00][^\x00]*\Z")]
_TOOLS = Annotated[list[_TOOL], Meta(max_length=256)]
_MOST_SCHEMA = 100_000
"""Bytes; one argument of a program holds at most 128 KiB (execve(2))."""

_TOO_DEEP = "it is nested too deeply"


class RunRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """
    The body of C{POST /run}.

    @ivar prompt: What Claude Code is told.
    @ivar workspace: Subpath of the workspaces' folder; C{None}: the default workspace.
    @ivar model: C{haiku}, C{sonnet}, C{opus}, or a full name; C{None}: the account's default.
    @ivar system_prompt: Takes the place of the default system prompt.
    @ivar append_system_prompt: Follows the system prompt.
    @ivar json_schema: A JSON Schema, as text or as an object, that the answer matches.
    @ivar effort: How much Claude reasons.
    @ivar output_format: C{json-verbose} adds the turns.
    @ivar no_continue: Begin a new session in place of the workspace's last.
    @ivar resume: The session to go on with.
    @ivar fire_and_forget: Go on when the client leaves.
    @ivar detach: Field C{async}: answer at once, with the run's id.
    @ivar timeout_seconds: Seconds after which the run is ended.
    @ivar max_turns: The most turns.
    @ivar allowed_tools: The only tools that may be used beside those that only read, in Claude
        Code's notation.
    @ivar disallowed_tools: Tools that may not be used.
    @ivar mcp_config: MCP servers, as in Claude Code's C{--mcp-config}, as text or as an object.
    @ivar include_partial_messages: The run's events tell of an answer while it is being written.
    """

    prompt: Annotated[str, Meta(pattern=r"\S")]
    workspace: str | None = None
    model: _ARGUMENT | None = None
    system_prompt: str | None = None
    append_system_prompt: str | None = None
    json_schema: str | dict[str, Any] | None = None
    effort: Effort | None = None
    output_format: OutputFormat = "json"
    no_continue: bool = False
    resume: _ARGUMENT | None = None
    fire_and_forget: bool = False
    detach: bool = field(default=False, name="async")
    timeout_seconds: Annotated[float, Meta(gt=0, le=604_800)] | None = None
    max_turns: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    allowed_tools: _TOOLS | None = None
    disallowed_tools: _TOOLS | None = None
    mcp_config: str | dict[str, Any] | None = None
    include_partial_messages: bool = False


@frozen
class Extras:
    """
    What a request has beside plain values, as Claude Code takes it.

    @ivar json_schema: The JSON Schema as text.
    @ivar mcp_config: The MCP servers as text.
    """

    json_schema: str | None = None
    mcp_config: str | None = None


def check_extras(request: RunRequest) -> Extras:
    """
    Check what a request has beside plain values. For threads: a schema is slow to check.

    @raise ClaudeboxError: 422: it is not what it should be.
    """
    return Extras(_schema_text(request), _mcp_config_text(request))


def _schema_text(request: RunRequest) -> str | None:
    if request.json_schema is None:
        return None
    # Hardly anyone has one, and it is megabytes and a part of a start.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    schema = _parsed(request.json_schema, "jsonSchema")
    try:
        # Claude Code drops a schema whole that names a dialect which it does not know by name.
        text = msgspec.json.encode({key: schema[key] for key in schema if key != "$schema"})
        if len(text) > _MOST_SCHEMA:
            raise _unusable("jsonSchema", f"it has more than {_MOST_SCHEMA} bytes")
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise _unusable("jsonSchema", f"it is no JSON Schema: {error.message}") from None
    except RecursionError:
        raise _unusable("jsonSchema", _TOO_DEEP) from None
    return text.decode()


def _mcp_config_text(request: RunRequest) -> str | None:
    if request.mcp_config is None:
        return None
    config = _parsed(request.mcp_config, "mcpConfig")
    if not isinstance(config.get("mcpServers"), dict):
        raise _unusable("mcpConfig", "it has no object 'mcpServers'")
    return msgspec.json.encode(config).decode()


def _unusable(name: str, reason: str) -> ClaudeboxError:
    return ClaudeboxError(422, f"Invalid value for '{name}': {reason}.")


def _parsed(value: str | dict[str, Any], name: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    try:
        parsed = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise _unusable(name, f"it is no JSON: {error}") from None
    except RecursionError:
        raise _unusable(name, _TOO_DEEP) from None
    if not isinstance(parsed, dict):
        raise _unusable(name, "it is no JSON object")
    return parsed
