"""The tunnel as a whole: started and stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from twisted.logger import Logger

from twisted_aigate.interfaces import TunnelStatus
from twisted_aigate.kernel.processes import ProcessReactor, minimal_environment
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.tunnel.named import NamedTunnel
from twisted_aigate.tunnel.plan import TunnelPlan
from twisted_aigate.tunnel.supervisor import Supervisor

_ENDS_WITH_US = ("/usr/bin/setpriv", "--pdeathsig=TERM")
"""What a child is started by that must not outlive us, however we end (prctl(2))."""

_OPTIONS = "TUNNEL_"
"""What the variables begin with that cloudflared reads options from."""


class TunnelTree:
    """
    The tunnel; a L{twisted_aigate.interfaces.Tunnel}.

    @param reactor: Starts cloudflared.
    @param plan: Which tunnel it is, or why there is none.
    @param environment: Our variables.
    @param file: Where a configuration is written for cloudflared.
    @param threads: Where it is written.
    @param random: Spreads the tries.
    @ivar off: Why it is off; C{None}: it is on.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: ProcessReactor,
        plan: TunnelPlan | str,
        environment: Mapping[str, str],
        file: Path,
        threads: Threads,
        random: Random,
    ) -> None:
        self._reactor = reactor
        self._plan = plan
        self._file = file.absolute()
        self._threads = threads
        self._random = random
        options = {key: value for key, value in environment.items() if key.startswith(_OPTIONS)}
        self._environment = minimal_environment(environment) | options
        self._supervisor: Supervisor | None = None
        self.off = plan if isinstance(plan, str) else None

    def status(self) -> TunnelStatus:
        """See L{twisted_aigate.interfaces.Tunnel}."""
        if self._supervisor is None:
            return TunnelStatus("off", reason=self.off)
        return self._supervisor.status()

    async def open(self, url: str | None) -> None:
        """
        Begin, if it is on.

        @param url: Where cloudflared reaches us; C{None}: nowhere.
        """
        plan = self._plan
        if isinstance(plan, str):
            return
        if url is None:
            self.off = "AIGATE_LISTEN has no plain tcp: endpoint for cloudflared to come to"
            return
        command = [*_ENDS_WITH_US, plan.binary, "tunnel", "--no-autoupdate"]
        urls: tuple[str, ...] = ()
        if plan.named is None:
            command += ["--url", url]
        else:
            urls = await self._prepare(plan.named, url)
            command += ["--config", str(self._file), "run"]
        self._supervisor = Supervisor(
            self._reactor,
            command,
            self._environment,
            self._random,
            urls,
            is_quick=plan.named is None,
        )
        self._supervisor.tell_urls()
        self._supervisor.events.start()

    async def _prepare(self, named: NamedTunnel, url: str) -> tuple[str, ...]:
        await self._threads.run(_write, self._file, named.config_for(url))
        if not named.leads_here(url):
            self._log.warn(
                "tunnel: no ingress rule of CLOUDFLARED_CONFIG leads here, to {url}", url=url
            )
        return named.urls(url)

    async def stop(self) -> None:
        """End it; there is no process left then."""
        if self._supervisor is not None:
            self._supervisor.events.stop()
            await self._supervisor.over.wait()


def _write(path: Path, config: Mapping[str, Any]) -> None:
    # Only a tunnel with a name needs the YAML library.
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("# Made of CLOUDFLARED_CONFIG at each start.\n")
        yaml.safe_dump(dict(config), file, sort_keys=False)
