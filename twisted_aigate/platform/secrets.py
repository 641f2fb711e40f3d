"""Secrets that are none, since everybody knows them."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import AttrsInstance, fields, has

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Settings

_WELL_KNOWN = (b"sk-1234", b"sk-master", b"changeme", b"secret", b"password", b"lulz-4-security")


def weak_secrets(settings: Settings) -> Iterator[str]:
    """The names of the settings whose value is a well-known default."""
    for name, secret in _secrets(settings):
        if secret is not None and any(map(secret.matches, _WELL_KNOWN)):
            yield name


def all_secrets(settings: AttrsInstance) -> Iterator[Secret]:
    """The values of all settings that are secret."""
    for attribute in fields(type(settings)):
        value = getattr(settings, attribute.name)
        if isinstance(value, Secret):
            yield value
        elif has(type(value)):
            yield from all_secrets(value)


def _secrets(settings: Settings) -> Iterator[tuple[str, Secret | None]]:
    yield "LITELLM_MASTER_KEY", settings.master_key
    yield "HYBRIDS3_MASTER_KEY", settings.storage.master_key
    yield "HYBRIDS3_UPLOADS_KEY", settings.storage.uploads_key
    yield "CLAUDEBOX_API_TOKEN", settings.claudebox.api_token
    yield "STEALTHY_AUTO_BROWSE_AUTH_TOKEN", settings.browser.token
    yield "METRICS_TOKEN", settings.metrics.token
    yield "CLAUDEBOX_ZAI_API_TOKEN", settings.claudebox.zai.api_token
