"""Which tunnel the settings ask for."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from twisted_aigate.kernel.settings import Settings
from twisted_aigate.tunnel.named import NamedTunnel, read_named_tunnel

_DOWNLOADS = "https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/"


@frozen
class TunnelPlan:
    """
    A tunnel.

    @ivar binary: cloudflared's executable.
    @ivar named: The tunnel that has a name; C{None}: a quick one.
    """

    binary: str
    named: NamedTunnel | None


def plan_tunnel(settings: Settings, which: Callable[[str], str | None]) -> TunnelPlan | str:
    """
    Find out.

    @param which: Where a program is; such as L{shutil.which}.
    @return: The plan, or in one line why there is no tunnel.
    @raise SettingsError: It is on, and its files cannot be used.
    """
    if not settings.switches.tunnel:
        return "CLOUDFLARED is not 1"
    named = read_named_tunnel(settings.tunnel)
    binary = which("cloudflared")
    if binary is None:
        return f"cloudflared is not installed; put it on the PATH: {_DOWNLOADS}"
    return TunnelPlan(binary, named)
