"""
A tunnel that has a name: the operator's own configuration and credentials.

What a configuration says of a container beside it does not hold here: the credentials are where
C{CLOUDFLARED_CREDS} says, and C{http://nginx:4000}, the front door that other services knew by a
name of one word, is this server.
Source: https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/local-management/configuration-file/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import frozen

from twisted_aigate.kernel.settings import ConfigError, SettingsError
from twisted_aigate.kernel.settings.config_file import parse_yaml
from twisted_aigate.kernel.settings.model import TunnelSettings

_FRONT_DOOR = 4000
"""The port of what stood in front of all services."""

_CONFIG = "CLOUDFLARED_CONFIG"
_CREDENTIALS = "CLOUDFLARED_CREDS"


class _Credentials(msgspec.Struct):
    tunnel_id: str = msgspec.field(name="TunnelID")
    secret: str = msgspec.field(name="TunnelSecret")


@frozen
class NamedTunnel:
    """
    The tunnel.

    @ivar config: The operator's configuration.
    @ivar tunnel: Its name or id.
    @ivar credentials: Where its credentials are.
    """

    config: Mapping[str, Any]
    tunnel: str
    credentials: Path

    def config_for(self, url: str) -> dict[str, Any]:
        """
        The configuration that cloudflared is given.

        @param url: Where it reaches us.
        """
        config = {
            **self.config,
            "tunnel": self.tunnel,
            "credentials-file": str(self.credentials),
        }
        if self._rules:
            config["ingress"] = [self._pointed(rule, url) for rule in self._rules]
        else:
            config["url"] = _pointed(str(self.config.get("url") or url), url)
        return config

    @property
    def _rules(self) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = self.config.get("ingress") or []
        return rules

    def _pointed(self, rule: dict[str, Any], url: str) -> dict[str, Any]:
        service = rule.get("service")
        return rule if service is None else {**rule, "service": _pointed(str(service), url)}

    def urls(self, url: str) -> tuple[str, ...]:
        """
        Where the internet reaches us by it, as its rules say.

        @param url: Where cloudflared reaches us.
        """
        return tuple(dict.fromkeys(self._urls(url)))

    def _urls(self, url: str) -> Iterator[str]:
        for rule in self.config_for(url).get("ingress", ()):
            hostname = rule.get("hostname")
            if hostname and str(rule.get("service")).rstrip("/") == url:
                yield f"https://{hostname}"

    def leads_here(self, url: str) -> bool:
        """Whether anything that comes by it reaches us."""
        config = self.config_for(url)
        services = [rule.get("service") for rule in config.get("ingress", ())] or [config["url"]]
        return any(str(service).rstrip("/") == url for service in services)


def _pointed(service: str, url: str) -> str:
    try:
        parts = urlsplit(service)
        host, port = parts.hostname, parts.port
    except ValueError:
        return service
    in_a_container = host is not None and host != "localhost" and not set(".:") & set(host)
    if parts.scheme == "http" and in_a_container and port == _FRONT_DOOR:
        return url
    return service


def read_named_tunnel(settings: TunnelSettings) -> NamedTunnel | None:
    """
    Read the tunnel's files.

    @return: C{None}: none is configured.
    @raise SettingsError: One of them is missing, cannot be read, or is not what it should be.
    """
    if settings.config is None and settings.credentials is None:
        return None
    if settings.config is None or settings.credentials is None:
        missing, there = _CONFIG, _CREDENTIALS
        if settings.config is not None:
            missing, there = there, missing
        raise SettingsError(f"{missing}: a file is needed, as {there} is set")
    credentials_path = settings.credentials.absolute()
    config = _config(settings.config)
    credentials = _credentials(credentials_path)
    return NamedTunnel(config, str(config.get("tunnel") or credentials.tunnel_id), credentials_path)


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{name}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: {path}: not UTF-8") from None


def _config(path: Path) -> dict[str, Any]:
    try:
        config = parse_yaml(_read(_CONFIG, path))
    except ConfigError as error:
        raise SettingsError(f"{_CONFIG}: {path}: {error}") from None
    rules = config.get("ingress") or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise SettingsError(f"{_CONFIG}: {path}: ingress is not a list of rules")
    return config


def _credentials(path: Path) -> _Credentials:
    text = _read(_CREDENTIALS, path)
    try:
        return msgspec.json.decode(text, type=_Credentials)
    except msgspec.MsgspecError:
        # What is wrong in it may be the secret.
        raise SettingsError(
            f"{_CREDENTIALS}: {path}: not a tunnel's credentials (JSON with TunnelID and "
            "TunnelSecret)"
        ) from None
