"""The real Claude Code CLI, run in folders of its own against a scripted server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import SkipTest

from attrs import frozen

from tests.end_to_end.anthropic_server import ANTHROPIC_KEY
from tests.end_to_end.server import environment

_TIMEOUT = 60.0


def claude() -> str:
    """
    The CLI that was installed beside Python.

    @raise SkipTest: There is none.
    """
    path = Path(sys.executable).with_name("claude")
    if not path.exists():
        raise SkipTest("NOT TESTED: Claude Code is missing: make claude-code")
    return str(path)


@frozen
class Ended:
    """
    A run that ended.

    @ivar lines: What it printed.
    """

    status: int
    lines: list[dict[str, Any]]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """Its last line, which is its result."""
        last = self.lines[-1]
        assert last["type"] == "result", last
        return last

    def of(self, kind: str, subtype: str | None = None) -> list[dict[str, Any]]:
        """The lines of a type."""
        return [
            line
            for line in self.lines
            if line["type"] == kind and subtype in (None, line.get("subtype"))
        ]


def start_claude(
    url: str,
    home: Path,
    prompt: str,
    *arguments: str,
    program: str | None = None,
    stdout: int = subprocess.PIPE,
    **variables: str,
) -> subprocess.Popen[bytes]:
    """
    Start it in C{home}'s folder C{ws}.

    @param stdout: Where it prints: a descriptor, or a pipe of its own.
    @param program: What to start instead of the CLI.
    @param variables: Its environment, beside what it needs.
    """
    workspace = home / "ws"
    workspace.mkdir(parents=True, exist_ok=True)
    settings = {
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",
        **variables,
    }
    stream = ("--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions")
    prompt_path = home / "prompt"
    prompt_path.write_text(prompt, "utf-8")
    with prompt_path.open("rb") as stdin:
        return subprocess.Popen(
            [program or claude(), "-p", *stream, *arguments],
            cwd=workspace,
            env=environment(**settings),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def end_of(process: subprocess.Popen[bytes], printed: Path | None = None) -> Ended:
    """
    Wait until it ends.

    @param printed: The file that it prints to, if it does.
    """
    try:
        out, err = process.communicate(timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it does not end: {out!r} {err!r}") from None
    text = out if printed is None else printed.read_bytes()
    lines = [json.loads(line) for line in text.splitlines()]
    return Ended(process.returncode, lines, err.decode())


def run_claude(
    url: str, home: Path, prompt: str, *arguments: str, program: str | None = None, **variables: str
) -> Ended:
    """Run it to its end; see L{start_claude}."""
    home.mkdir(parents=True, exist_ok=True)
    printed = home / "stdout"
    # No pipe: of a long answer the CLI may leave some unwritten when it ends while one is full.
    with printed.open("wb") as file:
        process = start_claude(
            url, home, prompt, *arguments, program=program, stdout=file.fileno(), **variables
        )
    return end_of(process, printed)
