"""The instances that a configuration makes, and whose models answer in each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from urllib.parse import urlsplit

from twisted_aigate.claudebox.instance import INSTALL, Instance
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Configuration, Settings, SettingsError

NAME = "claudebox"
ZAI = "claudebox-zai"

_PURPOSE = "claudebox"


def gateway_token(settings: Settings) -> Secret:
    """
    What runs present to our own gateway.

    Made of the master key, so that runs which outlive a restart keep it, and telling nothing of it.
    """
    return settings.master_key.derive(_PURPOSE, "sk-claudebox-")


def _models(opus: str, sonnet: str, haiku: str) -> dict[str, str | Secret]:
    return {
        "ANTHROPIC_DEFAULT_OPUS_MODEL": opus,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": sonnet,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": haiku,
    }


def _gateway_account(settings: Settings) -> dict[str, str | Secret]:
    ours = settings.claudebox
    url = ours.base_url
    if url is None:
        if settings.edge.listen is not None:
            raise SettingsError(
                "CLAUDEBOX_ANTHROPIC_BASE_URL: with CLAUDEBOX_BACKEND=gateway and AIGATE_LISTEN,"
                " this server's own URL is needed, such as http://127.0.0.1:4000"
            )
        url = f"http://127.0.0.1:{settings.edge.port}"
    model = ours.gateway_model
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": gateway_token(settings),
        "ANTHROPIC_MODEL": model,
        **_models(model, model, model),
    }


def _anthropic_account(settings: Settings) -> dict[str, str | Secret]:
    ours = settings.claudebox
    account: dict[str, str | Secret] = {}
    if ours.base_url is not None:
        account["ANTHROPIC_BASE_URL"] = ours.base_url
    if ours.anthropic_api_key is not None:
        account["ANTHROPIC_API_KEY"] = ours.anthropic_api_key
    elif ours.oauth_token is not None:
        account["CLAUDE_CODE_OAUTH_TOKEN"] = ours.oauth_token
    return account


def _zai_account(settings: Settings) -> dict[str, str | Secret]:
    zai = settings.claudebox.zai
    account: dict[str, str | Secret] = {
        "ANTHROPIC_BASE_URL": zai.base_url,
        **_models(zai.opus, zai.sonnet, zai.haiku),
    }
    if zai.auth_token is not None:
        account["ANTHROPIC_AUTH_TOKEN"] = zai.auth_token
    return account


def _missing(settings: Settings, name: str) -> str | None:
    ours = settings.claudebox
    if name == ZAI:
        if ours.zai.api_token is None:
            return "CLAUDEBOX_ZAI_API_TOKEN is not set"
        if ours.zai.auth_token is None:
            return "no account: set CLAUDEBOX_ZAI_AUTH_TOKEN"
        return None
    if ours.api_token is None:
        return "CLAUDEBOX_API_TOKEN is not set"
    if ours.backend == "anthropic" and ours.oauth_token is None and ours.anthropic_api_key is None:
        return (
            "no account: set CLAUDE_CODE_OAUTH_TOKEN, CLAUDEBOX_ANTHROPIC_API_KEY or"
            " CLAUDEBOX_BACKEND=gateway"
        )
    return None


class _Served(Protocol):
    @property
    def model_name(self) -> str: ...

    @property
    def provider(self) -> str: ...


def check_gateway_model(settings: Settings, catalogue: Iterable[_Served]) -> None:
    """
    See that Claude Code on the gateway's models does not ask itself.

    @param catalogue: The gateway's models.
    @raise SettingsError: It would.
    """
    model = settings.claudebox.gateway_model
    if any(each.model_name == model and each.provider == NAME for each in catalogue):
        raise SettingsError(
            f"CLAUDEBOX_GATEWAY_MODEL: {model} is Claude Code itself, which would ask itself"
            " for an answer; name another model"
        )


def make_instance(configuration: Configuration, name: str) -> Instance | str:
    """
    An instance.

    @param name: L{NAME} or L{ZAI}.
    @return: The instance, or why it is off, in one line.
    @raise SettingsError: It is switched on and its needs are not met.
    """
    settings = configuration.settings
    variable = "CLAUDEBOX_ZAI" if name == ZAI else "CLAUDEBOX"
    switches = settings.switches
    switch = switches.claudebox_zai if name == ZAI else switches.claudebox
    if switch is False:
        return f"{variable}=0; set it to 1 to turn {name} on"
    missing = _missing(settings, name)
    if missing is not None and switch:
        raise SettingsError(f"{variable}: 1, but {missing}")
    if missing is not None:
        return missing
    ours = settings.claudebox
    if name == ZAI:
        token, account = ours.zai.api_token, _zai_account(settings)
    elif ours.backend == "gateway":
        token, account = ours.api_token, _gateway_account(settings)
    else:
        token, account = ours.api_token, _anthropic_account(settings)
    assert token is not None
    folder = (settings.data_dir / name).absolute()
    direct = None
    if name == NAME and ours.backend == "gateway":
        # Our own server is not behind anyone's proxy, and its token is not for one to see.
        direct = urlsplit(str(account["ANTHROPIC_BASE_URL"])).hostname
    instance = Instance(name, token, folder, ours.binary, account, direct)
    if instance.find_binary(configuration.environment.get("PATH")) is None and not switch:
        return f"Claude Code is not installed, or CLAUDE_BIN is wrong; run: {INSTALL}"
    return instance
