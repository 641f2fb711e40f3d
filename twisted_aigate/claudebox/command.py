"""
The command line of a run.

What may be long, or is nobody's business who lists processes, goes in files: the prompt on standard
input, the system prompts by their files' names.

Source: C{claude --help}; https://docs.claude.com/en/docs/claude-code/cli-reference
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from twisted_aigate.claudebox.models import Extras, RunRequest
from twisted_aigate.claudebox.sessions import Session


@frozen
class RunFiles:
    """
    The files of a run, beside its transcript.

    @ivar folder: Where they are.
    """

    folder: Path

    @property
    def prompt(self) -> Path:
        """Standard input."""
        return self.folder / "prompt"

    @property
    def errors(self) -> Path:
        """Standard error."""
        return self.folder / "stderr"

    @property
    def system_prompt(self) -> Path:
        """What takes the place of the system prompt."""
        return self.folder / "system-prompt"

    @property
    def append_system_prompt(self) -> Path:
        """What follows the system prompt."""
        return self.folder / "append-system-prompt"

    @property
    def json_schema(self) -> Path:
        """What the answer is to match."""
        return self.folder / "schema.json"

    @property
    def mcp_config(self) -> Path:
        """MCP servers."""
        return self.folder / "mcp.json"


def contents(
    request: RunRequest, extras: Extras, files: RunFiles, appended: str | None
) -> Iterator[tuple[Path, str]]:
    """
    What must be in a run's files before it starts.

    @param appended: What follows the system prompt.
    """
    yield files.prompt, request.prompt
    if request.system_prompt is not None:
        yield files.system_prompt, request.system_prompt
    if appended:
        yield files.append_system_prompt, appended
    if extras.json_schema is not None:
        yield files.json_schema, extras.json_schema
    if extras.mcp_config is not None:
        yield files.mcp_config, extras.mcp_config


def command_line(
    binary: str,
    request: RunRequest,
    extras: Extras,
    session: Session,
    files: RunFiles,
    *,
    appended: bool,
) -> list[str]:
    """
    The program and its arguments.

    @param binary: Claude Code's executable.
    @param appended: Something follows the system prompt.
    """
    line = [binary, "--print", "--output-format=stream-json", "--verbose"]
    line.append(f"--{'resume' if session.exists else 'session-id'}={session.id}")
    if request.include_partial_messages:
        line.append("--include-partial-messages")
    if request.allowed_tools is None:
        # There is no one to ask.
        line.append("--dangerously-skip-permissions")
    else:
        line.append("--permission-mode=dontAsk")
        line += [f"--allowedTools={tool}" for tool in request.allowed_tools]
    line += [f"--disallowedTools={tool}" for tool in request.disallowed_tools or ()]
    if request.model is not None:
        line.append(f"--model={request.model}")
    if request.effort is not None:
        line.append(f"--effort={request.effort}")
    if request.max_turns is not None:
        line.append(f"--max-turns={request.max_turns}")
    if extras.json_schema is not None:
        line.append(f"--json-schema={extras.json_schema}")
    if request.system_prompt is not None:
        line.append(f"--system-prompt-file={files.system_prompt}")
    if appended:
        line.append(f"--append-system-prompt-file={files.append_system_prompt}")
    if extras.mcp_config is not None:
        line.append(f"--mcp-config={files.mcp_config}")
    return line
