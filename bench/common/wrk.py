"""wrk, told by a script to send one request over and over and to say its figures as JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.common.processes import HOST, Unusable

_MARK = "figures: "
_REPORT = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('%s{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%f,"p99":%f,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\\n', MARK,
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
"""
_BODY_FROM_FILE = """
local file = assert(io.open(%s, 'rb'))
wrk.body = file:read('*a')
file:close()
"""
_NUMBERED = """
local made, number = {}, -1
function request()
  number = (number + 1) %% %d
  local text = made[number] or wrk.format(nil, wrk.path .. number)
  if number < %d then made[number] = text end
  return text
end
"""
_MOST_KEPT = 64
"""Requests that wrk's script keeps: making one copies its body, keeping one takes its memory."""

_ERRORS = {
    "connect": "failed connects",
    "read": "broken reads",
    "write": "broken writes",
    "status": "answers that were not 2xx",
    "timeout": "time-outs",
}


@dataclass(frozen=True)
class Target:
    """
    A request and where it goes.

    @ivar port: The server's port on loopback.
    @ivar method: Its method.
    @ivar path: Its path.
    @ivar headers: Its header fields.
    @ivar body: Its body, text without control characters.
    @ivar body_file: The file that is its body instead.
    @ivar paths: Over how many paths the requests go, C{path} with a number from 0 on behind it;
        0: all go to C{path} itself.
    """

    port: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    body_file: Path | None = None
    paths: int = 0

    def request(self) -> bytes:
        """One request as it is sent, for clients of our own."""
        fields = {
            "Host": f"{HOST}:{self.port}",
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n{self.body}".encode("ascii")


@dataclass(frozen=True)
class Load:
    """
    What came of a load.

    @ivar connections: How many there were.
    @ivar requests: How many requests were answered.
    @ivar seconds: How long it took.
    @ivar received: Bytes that were received.
    @ivar p50: The median latency in milliseconds.
    @ivar p99: The 99th percentile of it.
    @ivar problems: What was not as it should be.
    """

    connections: int
    requests: int
    seconds: float
    received: int
    p50: float
    p99: float
    problems: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def find_wrk() -> str:
    """
    Where wrk is.

    @raise Unusable: It is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise Unusable("wrk is not installed: apt-get install wrk")
    return found


def wrk_version() -> str:
    """Its version."""
    done = subprocess.run([find_wrk(), "-v"], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).split()[1].rpartition("/")[2]


def _lua(text: str) -> str:
    # What JSON escapes, Lua does too; only \u and \/ differ, and json.dumps makes neither here.
    return json.dumps(text, ensure_ascii=False)


def _script(target: Target) -> str:
    headers = "".join(
        f"wrk.headers[{_lua(name)}] = {_lua(value)}\n" for name, value in target.headers.items()
    )
    if target.body_file is None:
        body = f"wrk.body = {_lua(target.body)}\n" if target.body else ""
    else:
        body = _BODY_FROM_FILE % _lua(str(target.body_file))
    numbered = _NUMBERED % (target.paths, _MOST_KEPT) if target.paths else ""
    return (
        f"local MARK = {_lua(_MARK)}\nwrk.method = {_lua(target.method)}\n"
        f"{body}{headers}{numbered}{_REPORT}"
    )


def run_wrk(
    target: Target, connections: int, seconds: int, folder: Path, least_bytes: int = 0
) -> Load:
    """
    Load a server.

    @param target: What to send, and where.
    @param connections: How many connections, each with one request at a time.
    @param seconds: How long.
    @param folder: Where the script is put.
    @param least_bytes: What a whole answer has at least; when the mean is below, it is a problem.
    @raise Unusable: wrk itself failed.
    """
    script = folder / "wrk.lua"
    script.write_text(_script(target), "utf-8")
    command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
    url = f"http://{HOST}:{target.port}{target.path}"
    done = subprocess.run(
        [*command, "-s", str(script), url], capture_output=True, text=True, check=False
    )
    marked = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not marked:
        raise Unusable(f"wrk failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    said = json.loads(marked[0].removeprefix(_MARK))
    problems = [f"{count} {_ERRORS[kind]}" for kind, count in said["errors"].items() if count]
    if said["requests"] == 0:
        problems.append("not one answer")
    elif said["bytes"] / said["requests"] < least_bytes:
        problems.append(f"answers of {said['bytes'] / said['requests']:.0f} B on average")
    return Load(
        connections,
        said["requests"],
        said["microseconds"] / 1e6,
        said["bytes"],
        said["p50"] / 1000,
        said["p99"] / 1000,
        tuple(problems),
    )
