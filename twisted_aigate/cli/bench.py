"""C{aigate bench}: how fast a running server answers, by a few chats at once."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IConsumer, IReactorTime
from zope.interface import implementer

from twisted_aigate.cli.table import CommandFailed, table
from twisted_aigate.http_client.errors import UpstreamError

if TYPE_CHECKING:
    from twisted_aigate.cli.server import Server

_TOO_MANY = 429


def add_parser(commands: Any) -> None:
    """Add the command to those of C{aigate}."""
    parser = commands.add_parser("bench", help="have a running server answer a few chats, timed")
    parser.add_argument("--url", help="where the server is, if not on this machine")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--model", default="default", help="who answers (%(default)s)")
    parser.add_argument("--requests", type=_count, default=100, help="how many (%(default)s)")
    parser.add_argument("--concurrency", type=_count, default=8, help="at once (%(default)s)")
    parser.add_argument("--max-tokens", type=_count, default=16, help="of each (%(default)s)")
    parser.add_argument("--stream", action="store_true", help="have the answers streamed")
    parser.add_argument("--prompt", default="Say hello.", help="what is asked (%(default)s)")
    parser.set_defaults(ask=_bench)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


@define
class _Figures:
    """
    What was measured.

    @ivar statuses: How often each status was answered.
    @ivar seconds: How long each answered call took.
    @ivar first: How long after its beginning the first of each body was there.
    """

    statuses: Counter[int] = field(factory=Counter)
    seconds: list[float] = field(factory=list)
    first: list[float] = field(factory=list)


@implementer(IConsumer)
class _FirstByte:
    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.at: float | None = None

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        if self.at is None:
            self.at = self._clock.seconds()


async def _bench(server: Server, asked: Namespace) -> str:
    body = {
        "model": asked.model,
        "messages": [{"role": "user", "content": asked.prompt}],
        "max_tokens": asked.max_tokens,
        "stream": asked.stream,
    }
    # One that fails says why, and what is loaded at the first call is not measured.
    await server.call("POST", "/v1/chat/completions", {**body, "stream": False})
    figures = _Figures()
    left = iter(range(asked.requests))

    async def client() -> None:
        for _ in left:
            await _call(server, body, figures)

    began = server.clock.seconds()
    clients = [Deferred.fromCoroutine(client()) for _ in range(asked.concurrency)]
    await gatherResults(clients, consumeErrors=True).addErrback(_first_error)
    return _told(figures, server.clock.seconds() - began, asked)


def _first_error(failure: Any) -> None:
    raise failure.value.subFailure.value


async def _call(server: Server, body: dict[str, Any], figures: _Figures) -> None:
    clock = server.clock
    began = clock.seconds()
    response = await server.send("POST", "/v1/chat/completions", body)
    first = _FirstByte(clock)
    try:
        await response.startProducing(first)
    except UpstreamError as error:
        raise CommandFailed(f"an answer was cut off: {error}") from None
    figures.statuses[response.status] += 1
    if response.status == 200:
        ended = clock.seconds()
        figures.seconds.append(ended - began)
        figures.first.append((first.at or ended) - began)


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _told(figures: _Figures, seconds: float, asked: Namespace) -> str:
    if not figures.seconds:
        raise CommandFailed(f"nothing was answered: {dict(figures.statuses)}{_hint(figures)}")
    told: dict[str, Any] = {
        "model": asked.model,
        "requests": asked.requests,
        "concurrency": asked.concurrency,
        "statuses": {str(status): count for status, count in sorted(figures.statuses.items())},
        "requests_per_second": round(len(figures.seconds) / seconds, 1) if seconds else None,
    }
    for name, values in (("latency_ms", figures.seconds), ("first_chunk_ms", figures.first)):
        shares = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
        told[name] = {key: round(_percentile(values, share) * 1000, 1) for key, share in shares}
    if asked.json:
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode("utf-8")
    rows = [
        (name, *(f"{told[key][share]} ms" for share in ("p50", "p90", "p99")))
        for name, key in (("whole answer", "latency_ms"), ("first chunk", "first_chunk_ms"))
    ]
    statuses = ", ".join(f"{count} times {status}" for status, count in told["statuses"].items())
    return "\n".join(
        (
            f"{asked.model}: {told['requests_per_second']} answers a second, "
            f"{asked.concurrency} at once: {statuses}{_hint(figures)}",
            table(("", "p50", "p90", "p99"), rows),
        )
    )


def _hint(figures: _Figures) -> str:
    # What is measured is then mostly the limit.
    return " (rate limited: see RATELIMIT_API)" if figures.statuses[_TOO_MANY] else ""
