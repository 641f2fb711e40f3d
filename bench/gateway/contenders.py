"""Who is measured: aigate, LiteLLM's proxy, and nginx as the ceiling; one process each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from unittest import SkipTest
from urllib.parse import urlsplit

from bench.common.http import fetch
from bench.common.nginx import HEALTH, nginx_version, start_nginx
from bench.common.processes import HOST, Child, Unusable, bare_environment
from bench.common.venv import beside_python, ensure_venv, our_versions, version_in
from bench.gateway.payloads import MODEL, Flavour
from bench.gateway.provider import COMPLETIONS, Provider
from tests.support.postgresql import new_database

KEY = "sk-bench-4f1c0a9e7d5b3826"
"""The master key of aigate and LiteLLM; nginx asks for none."""

_ENDLESS = 1_000_000_000
_ALIVE = "/health/liveliness"


class Contender(Protocol):
    """
    Something that stands between clients and the provider.

    @ivar name: What tables call it.
    @ivar key: What its clients send; it may be known only once L{prepare} has been called.
    @ivar health: The path that answers 200 as soon as it serves.
    """

    name: str
    key: str
    health: str

    def versions(self) -> dict[str, str]:
        """Package to version."""
        ...

    def path(self, flavour: Flavour) -> str:
        """Where a flavour is asked for."""
        ...

    def start(self, provider: Provider, port: int, folder: Path) -> Child:
        """Start it on a port of loopback, with its files in C{folder}."""
        ...

    def prepare(self, port: int) -> None:
        """Make ready what loads need; it serves already."""
        ...


def _write_models(provider: Provider, path: Path, **sections: object) -> None:
    """A LiteLLM configuration of all flavours' deployments, each with a limit."""
    models = [
        {
            "model_name": flavour.model,
            "litellm_params": {
                "model": f"openai/{MODEL}",
                "api_base": base,
                "api_key": "sk-provider",
                # Never reached, but looked at for each call.
                "rpm": _ENDLESS,
            },
        }
        for flavour in (*provider.flavours, Flavour.SILENT)
        for base in provider.bases(flavour)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    # JSON is YAML too.
    path.write_text(json.dumps({"model_list": models, **sections}, indent=2), "utf-8")


@dataclass
class Aigate:
    """aigate as it comes: its master key, spend, rate limit, access log."""

    name: str = "aigate"
    key: str = KEY
    health: str = _ALIVE

    def versions(self) -> dict[str, str]:
        """See L{Contender}."""
        return our_versions(("aigate", "Twisted", "httptools", "msgspec", "uvloop"))

    def path(self, flavour: Flavour) -> str:
        """See L{Contender}."""
        return COMPLETIONS

    def start(self, provider: Provider, port: int, folder: Path) -> Child:
        """See L{Contender}."""
        _write_models(provider, folder / "config.yaml", **self._sections())
        environment = bare_environment(
            folder,
            **self._variables(),
            LITELLM_MASTER_KEY=KEY,
            AIGATE_CONFIG=str(folder / "config.yaml"),
            AIGATE_PORT=str(port),
            AIGATE_LISTEN=f"tcp:{port}:interface={HOST}:backlog=1024",
            DATA_DIR=str(folder / "data"),
            LOCAL_MODELS="0",
            # High enough for wrk, but counted for each request all the same.
            RATELIMIT_API="100000r/s",
            RATELIMIT_API_BURST="100000",
        )
        return Child(self.name, [str(beside_python("aigate")), "run"], folder, environment)

    def _variables(self) -> dict[str, str]:
        return {}

    def _sections(self) -> dict[str, object]:
        return {}

    def prepare(self, port: int) -> None:
        """See L{Contender}."""


@dataclass
class AigateInFull(Aigate):
    """aigate with a virtual key that has a budget and limits, its spend in PostgreSQL."""

    name: str = "aigate, all on"

    def _variables(self) -> dict[str, str]:
        try:
            return {"DATABASE_URL": new_database()}
        except SkipTest as error:
            raise Unusable(str(error)) from None

    def prepare(self, port: int) -> None:
        """See L{Contender}."""
        wanted = {
            "key_alias": "bench",
            "max_budget": _ENDLESS,
            "rpm_limit": _ENDLESS,
            "tpm_limit": _ENDLESS,
            "max_parallel_requests": _ENDLESS,
        }
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        answer = fetch(port, "POST", "/key/generate", headers, json.dumps(wanted).encode())
        if answer.status != 200:
            raise Unusable(f"no key: {answer.status} {answer.body!r}")
        self.key = json.loads(answer.body)["key"]


@dataclass
class AigateCached(Aigate):
    """aigate that answers from its cache, in memory."""

    name: str = "aigate, cached"

    def _sections(self) -> dict[str, object]:
        return {"litellm_settings": {"cache": True}}


@dataclass
class LiteLLM:
    """
    LiteLLM's proxy with one worker, without a database, set up as its production notes say.

    @ivar commands: The folder of its environment's commands.
    """

    commands: Path
    name: str = "LiteLLM"
    key: str = KEY
    health: str = _ALIVE

    def versions(self) -> dict[str, str]:
        """See L{Contender}."""
        return {
            package: version_in(self.commands, package)
            for package in ("litellm", "fastapi", "uvicorn", "uvloop", "aiohttp")
        }

    def path(self, flavour: Flavour) -> str:
        """See L{Contender}."""
        return COMPLETIONS

    def start(self, provider: Provider, port: int, folder: Path) -> Child:
        """See L{Contender}."""
        config = folder / "config.yaml"
        _write_models(
            provider,
            config,
            general_settings={"master_key": KEY},
            litellm_settings={"telemetry": False, "set_verbose": False},
        )
        local = (
            "MODEL_COST_MAP",
            "ANTHROPIC_BETA_HEADERS",
            "BLOG_POSTS",
            "POLICY_TEMPLATES",
            "AUTOROUTER_PRESETS",
        )
        environment = bare_environment(
            folder,
            # Without these it asks for files on the internet as it starts.
            **{f"LITELLM_LOCAL_{name}": "True" for name in local},
            LITELLM_MASTER_KEY=KEY,
            LITELLM_MODE="PRODUCTION",
            # As its production notes say; the access log is off with it.
            LITELLM_LOG="ERROR",
            LITELLM_TELEMETRY="False",
        )
        command = [str(self.commands / "litellm"), "--config", str(config), "--host", HOST]
        command += ["--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        return Child(self.name, command, folder, environment)

    def prepare(self, port: int) -> None:
        """See L{Contender}."""


@dataclass
class Nginx:
    """nginx that passes everything on: no keys, no limits, no log, no look into bodies."""

    name: str = "nginx"
    key: str = KEY
    health: str = HEALTH

    def versions(self) -> dict[str, str]:
        """See L{Contender}."""
        return {"nginx": nginx_version()}

    def path(self, flavour: Flavour) -> str:
        """See L{Contender}."""
        return f"/{flavour.value}{COMPLETIONS}"

    def start(self, provider: Provider, port: int, folder: Path) -> Child:
        """See L{Contender}."""
        upstreams, locations = [], []
        for flavour in (*provider.flavours, Flavour.SILENT):
            server = urlsplit(provider.base(flavour)).netloc
            upstreams.append(f"upstream {flavour.value} {{ server {server}; keepalive 256; }}")
            locations.append(
                f"location /{flavour.value}/ {{ proxy_pass http://{flavour.value}; "
                'proxy_http_version 1.1; proxy_set_header Connection ""; '
                f"proxy_buffering {'off' if flavour.streams else 'on'}; }}"
            )
        return start_nginx(self.name, folder, port, "\n".join(upstreams), "\n".join(locations))

    def prepare(self, port: int) -> None:
        """See L{Contender}."""


def litellm(cache: Path, requirement: str) -> LiteLLM:
    """
    LiteLLM, installed when it is not yet.

    @raise Unusable: It cannot be had.
    """
    found = LiteLLM(ensure_venv(cache / "litellm", requirement))
    found.versions()
    return found
