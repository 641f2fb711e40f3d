"""
A stand-in for Claude Code that prints lines of which each has the time at which it was written.

Its prompt says how many, how many bytes of text each has, how many seconds lie between two, and how
many before the first. Its result says how it was started, as JSON. It needs the standard library
alone: L{install_stand_in} copies this file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def install_stand_in(folder: Path) -> Path:
    """Put it in a folder, as an executable C{claude}."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "claude"
    path.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text('utf-8')}", "utf-8")
    path.chmod(0o755)
    return path


def prompt(count: int, size: int = 0, apart: float = 0.0, before: float = 0.0) -> str:
    """
    What has it print lines.

    @param count: How many.
    @param size: Bytes of text in each.
    @param apart: Seconds between two.
    @param before: Seconds before the first.
    """
    return json.dumps([count, size, apart, before])


def _print(line: dict[str, Any]) -> None:
    # Without spaces, and each at once, as the real one.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do what the prompt says."""
    count, size, apart, before = json.load(sys.stdin)
    content = [{"type": "text", "text": "x" * size}]
    time.sleep(before)
    due = time.monotonic()
    for number in range(count):
        message = {"id": f"msg_{number}", "role": "assistant", "content": content}
        _print({"type": "assistant", "at": time.monotonic_ns(), "message": message})
        due += apart
        if apart:
            time.sleep(max(0.0, due - time.monotonic()))
    started = json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)})
    _print({"type": "result", "subtype": "success", "is_error": False, "result": started})


if __name__ == "__main__":
    main()
