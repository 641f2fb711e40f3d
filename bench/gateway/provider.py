"""The fake provider: nginx for answers without delay, a small Python server for paced ones."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.common.http import wait_until_ok
from bench.common.nginx import HEALTH, find_module, quoted, start_nginx
from bench.common.processes import HOST, Child, free_port
from bench.gateway.payloads import CHUNKS, DONE, Flavour, chunk_event, completion

COMPLETIONS = "/v1/chat/completions"
DEPLOYMENTS = 20
"""How many base paths the provider answers C{PLAIN} at: each is a deployment."""

_ROOT = Path(__file__).parents[2]
_ECHO = "ngx_http_echo_module"


@dataclass(frozen=True)
class Provider:
    """
    The running provider.

    @ivar port: nginx's.
    @ivar paced_port: The paced server's.
    @ivar flavours: What it answers to; C{SILENT} is not among them.
    """

    port: int
    paced_port: int
    flavours: tuple[Flavour, ...]

    def port_of(self, flavour: Flavour) -> int:
        """The port that answers to a flavour."""
        return self.paced_port if flavour in (Flavour.PACED, Flavour.SILENT) else self.port

    def base(self, flavour: Flavour) -> str:
        """The base URL of a flavour, as a client of OpenAI's wants it."""
        return f"http://{HOST}:{self.port_of(flavour)}/{flavour.value}/v1"

    def bases(self, flavour: Flavour) -> list[str]:
        """The base URLs of a flavour's deployments."""
        if flavour is not Flavour.PLAIN:
            return [self.base(flavour)]
        return [f"http://{HOST}:{self.port}/{flavour.value}/{n}/v1" for n in range(DEPLOYMENTS)]


def _locations(flushed: bool) -> str:
    json_type, stream_type = "application/json", "text/event-stream"
    done = quoted(DONE)[1:-1]
    plain = Flavour.PLAIN.value
    blocks = [
        f"location {where} {{ default_type {json_type}; return 200 {quoted(completion())}; }}"
        for where in (f"= /{plain}{COMPLETIONS}", f"~ ^/{plain}/[0-9]+{COMPLETIONS}$")
    ]
    # Variables, because a parameter has at most 4 KB. Server-side includes have nothing to
    # include; with them nginx does not know the length, and sends chunks as a provider does.
    blocks.append(
        f"location = /{Flavour.BURST.value}{COMPLETIONS} {{ ssi on; ssi_types {stream_type}; "
        f'default_type {stream_type}; return 200 "{"${chunk}" * CHUNKS}{done}"; }}'
    )
    if flushed:
        events = "echo -n $chunk; echo_flush; " * CHUNKS
        blocks.append(
            f"location = /{Flavour.FLUSHED.value}{COMPLETIONS} {{ default_type {stream_type}; "
            f'echo_read_request_body; {events} echo -n "{done}"; }}'
        )
    return f"set $chunk {quoted(chunk_event())};\n" + "\n".join(blocks)


def start_provider(stack: ExitStack, folder: Path) -> Provider:
    """
    Start it.

    @param stack: What ends it.
    @param folder: Where its files are made.
    @raise Unusable: It does not start.
    """
    echo = find_module(_ECHO)
    port, paced_port = free_port(), free_port()
    stack.enter_context(
        start_nginx(
            "the provider",
            folder / "provider",
            port,
            "",
            _locations(echo is not None),
            () if echo is None else (echo,),
        )
    )
    paced = Child(
        "the paced provider",
        [sys.executable, "-m", "bench.gateway.paced", str(paced_port)],
        folder / "paced",
        {**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    stack.enter_context(paced)
    wait_until_ok(paced, paced_port, HEALTH, most=10.0)
    left_out = {Flavour.SILENT} if echo is not None else {Flavour.SILENT, Flavour.FLUSHED}
    flavours = tuple(flavour for flavour in Flavour if flavour not in left_out)
    return Provider(port, paced_port, flavours)
