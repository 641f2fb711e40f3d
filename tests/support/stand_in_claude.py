"""
A stand-in for Claude Code that does what its prompt says, line by line, for quick tests.

C{say TEXT}, C{structured JSON}, C{tool COMMAND} (says that it ran it), C{stderr TEXT}, C{big BYTES}
(lines of that many bytes together), C{garbage} (a line that is no JSON), C{print TEXT} (as a line),
C{sleep SECONDS}, C{hold FILE} (until the file is there), C{spawn} (C{sleep 1000} in a session of
its own, as the Bash tool has its commands), C{ignore-sigterm}, C{exit STATUS} (at once, without a
result), C{no-result}. Other lines it passes over. What it said last is its result. A session is
known once it began.

It needs the standard library alone: L{install_stand_in} copies this file.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_USAGE = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 5,
    "output_tokens": 20,
}


def install_stand_in(folder: Path) -> Path:
    """
    Put an executable C{claude} in a folder that is there.

    @return: Where it is.
    """
    path = folder / "claude"
    source = Path(__file__).read_text("utf-8")
    path.write_text(f"#!{sys.executable} -IS\n{source}", "utf-8")
    path.chmod(0o755)
    return path


def stand_in_runs(home: Path) -> list[dict[str, Any]]:
    """
    The runs with that C{HOME}, in the order in which they began.

    Each is a dictionary of C{argv}, C{environment}, C{cwd}, C{pid}, C{prompt} and C{session_id}.
    """
    path = home / "stand-in.json"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


class _StandIn:
    def __init__(self) -> None:
        self._options, _ = _parser().parse_known_args()
        self._prompt = self._options.prompt or sys.stdin.read()
        self._home = Path(os.environ["HOME"])
        self._result = ""
        self._structured: Any = None
        self._silent = False
        self._turns = 1
        self._session = self._options.session_id or self._options.resume or str(uuid.uuid4())

    def run(self) -> None:
        self._record()
        if not self._prompt.strip():
            self._die("Error: Input must be provided either through stdin or as a prompt argument")
        self._open_session()
        self._line("system", subtype="init", cwd=os.getcwd(), tools=["Bash"], model="stand-in")
        for line in self._prompt.splitlines():
            word, _, rest = line.strip().partition(" ")
            directive: Callable[[str], None] | None = getattr(
                self, f"_do_{word.replace('-', '_')}", None
            )
            if directive is not None:
                directive(rest)
        if not self._silent:
            self._end()

    def _record(self) -> None:
        run = {
            "argv": sys.argv,
            "environment": dict(os.environ),
            "cwd": os.getcwd(),
            "pid": os.getpid(),
            "prompt": self._prompt,
            "session_id": self._session,
        }
        # One write, so that the lines of runs at the same time do not mix.
        with (self._home / "stand-in.json").open("ab", buffering=0) as file:
            file.write(json.dumps(run).encode() + b"\n")

    def _open_session(self) -> None:
        config = os.environ.get("CLAUDE_CONFIG_DIR") or self._home / ".claude"
        known = Path(config, "projects", "stand-in", f"{self._session}.jsonl")
        if self._options.resume and not os.path.exists(known):
            problem = f"No conversation found with session ID: {self._session}"
            values = {"subtype": "error_during_execution", "is_error": True, "num_turns": 0}
            self._line("result", **values, usage={}, modelUsage={}, errors=[problem])
            self._die(problem)
        if self._options.session_id and known.exists():
            self._die(f"Error: Session ID {self._session} is already in use.")
        known.parent.mkdir(parents=True, exist_ok=True)
        known.touch()

    def _die(self, message: str) -> NoReturn:
        sys.stderr.write(f"{message}\n")
        sys.exit(1)

    def _line(self, kind: str, **values: Any) -> None:
        identity = {"session_id": self._session, "uuid": str(uuid.uuid4())}
        if self._options.output_format == "stream-json":
            _print({"type": kind, **values, **identity})

    def _assistant(self, *content: dict[str, Any]) -> None:
        message = {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": "stand-in",
            "content": list(content),
            "stop_reason": None,
            "usage": _USAGE,
        }
        self._line("assistant", message=message, parent_tool_use_id=None)

    def _end(self) -> None:
        result: dict[str, Any] = {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "api_error_status": None,
            "duration_ms": 12,
            "duration_api_ms": 8,
            "num_turns": self._turns,
            "result": self._result,
            "stop_reason": "end_turn",
            "session_id": self._session,
            "total_cost_usd": 0.0125,
            "usage": _USAGE,
            "modelUsage": {"stand-in": {"inputTokens": 100, "outputTokens": 20, "costUSD": 0.0125}},
            "permission_denials": [],
            "terminal_reason": "completed",
            "uuid": str(uuid.uuid4()),
        }
        if self._structured is not None:
            result["structured_output"] = self._structured
        _print(result)

    def _do_say(self, text: str) -> None:
        if self._options.include_partial_messages:
            delta = {"type": "text_delta", "text": text}
            event = {"type": "content_block_delta", "index": 0, "delta": delta}
            self._line("stream_event", event=event, parent_tool_use_id=None)
        self._assistant({"type": "text", "text": text})
        self._result = text

    def _do_structured(self, value: str) -> None:
        self._structured = json.loads(value)
        self._use_tool("StructuredOutput", self._structured, "Structured output provided")
        self._result = value

    def _do_tool(self, command: str) -> None:
        self._use_tool("Bash", {"command": command}, f"ran {command}")

    def _use_tool(self, name: str, value: Any, output: str) -> None:
        identifier = f"toolu_{uuid.uuid4().hex}"
        self._turns += 1
        self._assistant({"type": "tool_use", "id": identifier, "name": name, "input": value})
        result = {"tool_use_id": identifier, "type": "tool_result", "content": output}
        message = {"role": "user", "content": [result]}
        self._line("user", message=message, parent_tool_use_id=None, tool_use_result=output)

    def _do_stderr(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def _do_big(self, size: str) -> None:
        left = int(size)
        while left > 0:
            text = "x" * min(left, 4096)
            self._assistant({"type": "text", "text": text})
            left -= len(text)

    def _do_garbage(self, _: str) -> None:
        print("this is {no JSON", flush=True)  # noqa: T201

    def _do_print(self, text: str) -> None:
        print(text, flush=True)  # noqa: T201

    def _do_sleep(self, seconds: str) -> None:
        time.sleep(float(seconds))

    def _do_hold(self, path: str) -> None:
        while not os.path.exists(path):
            time.sleep(0.01)

    def _do_spawn(self, _: str) -> None:
        nothing = subprocess.DEVNULL
        subprocess.Popen(
            ["sleep", "1000"],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
        )

    def _do_ignore_sigterm(self, _: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _do_exit(self, status: str) -> None:
        sys.exit(int(status))

    def _do_no_result(self, _: str) -> None:
        self._silent = True


def _print(line: dict[str, Any]) -> None:
    # Without spaces, as the real one.
    print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-p", "--print", dest="prompt", nargs="?")
    parser.add_argument("--output-format", default="text")
    parser.add_argument("--include-partial-messages", action="store_true")
    parser.add_argument("--session-id")
    parser.add_argument("-r", "--resume")
    return parser


def _exit_as_the_cli(number: int, _: object) -> NoReturn:
    os._exit(128 + number)  # and what it spawned lives on


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("2.1.197 (Claude Code)")  # noqa: T201
        sys.exit()
    signal.signal(signal.SIGTERM, _exit_as_the_cli)
    _StandIn().run()
