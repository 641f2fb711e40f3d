"""The running server that commands ask: where it is, and its key."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.cli.table import CommandFailed
from twisted_aigate.http_client import HTTPClient, Origin, OutgoingRequest, Response
from twisted_aigate.http_client.client import endpoints
from twisted_aigate.http_client.errors import UpstreamError
from twisted_aigate.http_client.messages import split_url
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Settings, load
from twisted_aigate.kernel.units import MB, MINUTE

_TIMEOUT = 10 * MINUTE
_MOST = 64 * MB
_PLAIN = re.compile(r"(?:^|;)\s*tcp6?:(?:port=)?(\d+)")


def server_url(settings: Settings) -> str:
    """
    Where the server of a configuration is, on this machine.

    @raise CommandFailed: It has no plain port.
    """
    listen = settings.edge.listen
    if listen is None:
        return f"http://127.0.0.1:{settings.edge.port}"
    found = _PLAIN.search(listen)
    if found is None:
        raise CommandFailed(
            "AIGATE_LISTEN has no plain tcp: port; say where it is: --url https://…"
        )
    return f"http://127.0.0.1:{found[1]}"


class Server:
    """
    The server.

    @param client: Makes calls.
    @param url: Where it is.
    @param key: Its master key.
    @param clock: What time it is.
    @ivar clock: As given.
    @raise CommandFailed: There is nothing at such a URL.
    """

    def __init__(self, client: HTTPClient, url: str, key: Secret, clock: IReactorTime) -> None:
        self.clock = clock
        self._client = client
        self._url = url
        self._key = key
        self._origin, self._path = _split(url)

    async def send(self, method: str, path: str, body: object = None) -> Response:
        """
        Ask for something.

        @param path: With its query.
        @param body: Sent as JSON; C{None}: nothing.
        @raise CommandFailed: It does not answer.
        """
        fields = (
            (b"Authorization", b"Bearer " + self._key.reveal().encode("ascii")),
            (b"Content-Type", b"application/json"),
        )
        data = b"" if body is None else msgspec.json.encode(body)
        target = f"{self._path}{path}".encode("ascii")
        request = OutgoingRequest(method.encode("ascii"), target, fields, data)
        try:
            return await self._client.request(self._origin, request, _TIMEOUT)
        except UpstreamError as error:
            raise CommandFailed(f"no answer from {self._url}: {error}") from None

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """
        Ask for something that is JSON.

        @raise CommandFailed: It is refused; the text is the server's.
        """
        response = await self.send(method, path, body)
        try:
            answer = msgspec.json.decode(await response.read(_MOST))
        except (UpstreamError, msgspec.DecodeError):
            raise CommandFailed(f"{self._url} answers what is no JSON") from None
        if response.status >= 400:
            raise CommandFailed(_message(answer) or f"{self._url} answers {response.status}")
        return answer


def _split(url: str) -> tuple[Origin, str]:
    try:
        return split_url(url)
    except ValueError as error:
        raise CommandFailed(f"--url: {error}") from None


def _message(answer: Any) -> str | None:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None


def ask_server(
    url: str | None, ask: Callable[[Server, Namespace], Awaitable[str]], asked: Namespace
) -> str:
    """
    Run a reactor for as long as a command takes.

    @param url: Where the server is; C{None}: where the configuration has it on this machine.
    @param ask: The command.
    @param asked: Its arguments.
    @return: What it has to say.
    @raise CommandFailed: It did not do it.
    @raise SettingsError: The configuration cannot be used.
    """
    settings = load(os.environ, Path.cwd()).settings
    where = url or server_url(settings)
    outcome: list[str | CommandFailed] = []

    async def work(reactor: Any) -> None:
        client = HTTPClient(reactor, endpoints(reactor))
        try:
            outcome.append(await ask(Server(client, where, settings.master_key, reactor), asked))
        except CommandFailed as error:
            outcome.append(error)
        finally:
            client.close()

    try:
        task.react(lambda reactor: Deferred.fromCoroutine(work(reactor)))
    except SystemExit:
        # What it ends a program with; what went wrong beyond that, it has logged.
        if not outcome:
            raise
    [said] = outcome
    if isinstance(said, CommandFailed):
        raise said
    return said
