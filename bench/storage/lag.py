"""What other requests feel while a large object is taken in and hashed."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.common.console import say
from bench.common.percentiles import percentile
from bench.common.processes import HOST
from bench.storage.contenders import CHAT_KEY, CHAT_MODEL, Contender
from bench.storage.payloads import Payload
from bench.storage.transfer import Transfers, transfer

_CHATS_A_SECOND = 50
_TIMEOUT = 60.0


@dataclass
class Latencies:
    """
    Latencies of chat requests that are answered without a provider.

    @ivar milliseconds: One for each.
    @ivar problems: What was not as it should be.
    """

    milliseconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The percentile."""
        return percentile(self.milliseconds, share)


@dataclass
class Lag:
    """
    Chats with nothing else to do, and while objects are put.

    @ivar uploads: How many were put.
    @ivar speed: Bytes a second that were put.
    """

    idle: Latencies
    busy: Latencies
    uploads: int
    speed: float


def _chat_until(port: int, over: Callable[[], bool]) -> Latencies:
    found = Latencies()
    headers = {"Authorization": f"Bearer {CHAT_KEY}", "Content-Type": "application/json"}
    message = {"role": "user", "content": "Hello!"}
    body = json.dumps({"model": CHAT_MODEL, "messages": [message]})
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)
    due = time.perf_counter()
    try:
        while not over():
            began = time.perf_counter()
            connection.request("POST", "/v1/chat/completions", body, headers)
            response = connection.getresponse()
            response.read()
            now = time.perf_counter()
            found.milliseconds.append((now - began) * 1000)
            if response.status != 200:
                found.problems.append(f"status {response.status}")
            due = max(due + 1 / _CHATS_A_SECOND, now)
            time.sleep(due - now)
    except (OSError, http.client.HTTPException) as error:
        found.problems.append(repr(error))
    finally:
        connection.close()
    return found


def measure_lag(contender: Contender, port: int, payload: Payload, seconds: int) -> Lag:
    """
    Chat for a while, and then while an object is put, and put again.

    @param seconds: How long, at least.
    """
    _chat_until(port, _after(1))
    idle = _chat_until(port, _after(seconds))
    over = threading.Event()
    found: list[Transfers] = []

    def put() -> None:
        enough = _after(seconds)
        while not found or not enough():
            path_of = f"{contender.base}lag/{{}}".format
            found.append(transfer(port, "PUT", path_of, contender.headers, payload, 1, 1))
            if found[-1].problems:
                break
        over.set()

    thread = threading.Thread(target=put)
    thread.start()
    busy = _chat_until(port, over.is_set)
    thread.join()
    busy.problems += [problem for one in found for problem in one.problems]
    taken = sum(one.seconds for one in found)
    lag = Lag(idle, busy, len(found), len(found) * payload.size / taken)
    say(
        f"  chats while {payload.name} is put at {lag.speed / 1e6:,.0f} MB/s: p50 "
        f"{idle.at(0.5):.2f} to {busy.at(0.5):.2f} ms, p99 {idle.at(0.99):.2f} to "
        f"{busy.at(0.99):.2f} ms {'; '.join(busy.problems)}"
    )
    return lag


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end
